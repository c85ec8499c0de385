"""The two stacks to compare: this project's, deployed by Pulumi, and the tutorial's."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.models.containers import Container
from docker.models.images import Image

from bench import wrk
from bench.own_copy import Deployment
from tools.setup import base_images, go, process
from tools.setup.progress import Progress
from tools.setup.versions import NGINX_IMAGE
from topology import SERVICES

TUTORIAL = Path(__file__).parent / "tutorial"
PAGE = Path(__file__).resolve().parents[1] / "frontend"
SERVICE_FOLDERS = ("one", "two")
ALIASES = ("router_one", "router_two")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Stack:
    gateway: Container
    service: Container
    path: str = "/api/v1/say_hello"
    direct: str = ":8080/say_hello"
    engine: docker.DockerClient = field(repr=False)

    def restart_gateway(self) -> str:
        """Restart the gateway, so that earlier runs have no effect. Return its URL."""
        self.gateway.restart(timeout=5)
        address = f"http://{address_of(self.gateway)}"
        wrk.wait_for(address + self.path)
        return address


def address_of(container: Container) -> str:
    container.reload()
    networks = container.attrs["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def image_of(container: Container) -> Image:
    image = container.image
    assert image, "a container has an image"
    return image


def network_of(container: Container) -> str:
    return str(next(iter(container.attrs["NetworkSettings"]["Networks"])))


def processes(container: Container) -> list[str]:
    """Return the process IDs of a container, as the host numbers them."""
    return [row[0] for row in container.top(ps_args="-o pid")["Processes"]]


def cpu_seconds(container: Container) -> float:
    """Return the CPU time of a container's processes, user and system."""
    texts = [Path(f"/proc/{pid}/stat").read_text() for pid in processes(container)]
    fields = [text.rpartition(")")[2].split() for text in texts]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS


def memory_megabytes(container: Container) -> float:
    """Return the memory of a container's processes: PSS, which divides shared pages."""
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in processes(container)]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("Pss:")]
    return sum(int(line.split()[1]) for line in lines) / 1000


@contextlib.contextmanager
def ours() -> Iterator[tuple[Deployment, Stack]]:
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder))
        try:
            deployment.up()
            yield (
                deployment,
                Stack(
                    gateway=deployment.container("frontend"),
                    service=deployment.container(SERVICES[0].name),
                    engine=deployment.engine,
                ),
            )
        finally:
            deployment.remove()


def compile_services(folder: Path, show: Progress, cache: Path | None = None) -> None:
    """Compile the tutorial's two services. An empty `cache` folder makes it compile everything."""
    environment = {**go.ENVIRONMENT, **({"GOCACHE": str(cache)} if cache else {})}
    tools = go.ensure(show)
    for name in SERVICE_FOLDERS:
        command = (tools, "build", "-trimpath", "-o", "service", "main.go")
        process.run(*command, folder=folder / name, environment=environment)


@contextlib.contextmanager
def tutorial_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "tutorial"
        shutil.copytree(TUTORIAL, folder)
        shutil.copytree(PAGE, folder / "frontend")
        (folder / ".env").write_text(f"NGINX_IMAGE={base_images.on_engine(NGINX_IMAGE)}\n")
        yield folder


@contextlib.contextmanager
def tutorial(engine: docker.DockerClient, show: Progress) -> Iterator[Stack]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    with tutorial_folder() as folder, contextlib.ExitStack() as undo:
        compile_services(folder, show)
        network = engine.networks.create(name, driver="bridge")
        undo.callback(network.remove)
        services = []
        for service, alias in zip(SERVICE_FOLDERS, ALIASES, strict=True):
            tag = f"{name}-{service}"
            _build(folder, service, tag)
            undo.callback(engine.images.remove, tag)
            services.append(engine.containers.create(tag, name=tag))
            undo.callback(services[-1].remove, force=True)
            network.connect(services[-1], aliases=[alias])
            services[-1].start()
        gateway = engine.containers.create(
            base_images.on_engine(NGINX_IMAGE),
            name=f"{name}-frontend",
            network=name,
            volumes=[
                f"{folder / 'nginx.conf'}:/etc/nginx/nginx.conf:ro",
                f"{folder / 'frontend'}:/frontend:ro",
            ],
        )
        undo.callback(gateway.remove, force=True)
        gateway.start()
        yield Stack(gateway=gateway, service=services[0], engine=engine)


def _build(folder: Path, service: str, tag: str) -> None:
    command = ["docker", "build", "--quiet", "--tag", tag, "--file", str(folder / "Dockerfile")]
    subprocess.run([*command, str(folder / service)], check=True, capture_output=True)
