"""Deployments of the tests' own: names, ports, addresses, backend and Pulumi home."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import docker
import pytest
import yaml
from docker.models.containers import Container

from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["Pulumi.yaml", "__main__.py", "topology.py", "pyproject.toml", "uv.lock"]
FOLDERS = ["bootstrap", "infra", "services", "frontend", "nginx", "live", "recovery"]
DEADLINE_SECONDS = 60
PULUMI_SECONDS = 600


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:  # noqa: ANN401  as Popen's own
    """A process that, with all it started, does not outlive the block, whatever fails in it."""
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on; below those that the kernel hands out by itself."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20000, 30000)
        with socket.socket() as probe:
            if port not in ports and probe.connect_ex(("127.0.0.1", port)) != 0:
                ports.append(port)
    return ports


class Deployment:
    """A copy of the project and a stack of its own, from nothing to nothing."""

    def __init__(self, folder: Path, **config: str) -> None:
        self.engine = docker.from_env()
        self.stack = f"e2e-{uuid.uuid4().hex[:8]}"
        self.project = folder / "project"
        self.config_file = folder / "Pulumi.e2e.yaml"
        self.prefix = f"{self.stack}-"
        ports = free_ports(1 + len(SERVICES))
        self.ports = dict(zip((s.name for s in SERVICES), ports[1:], strict=True))
        self.config: dict[str, str] = {
            "frontendPort": str(ports[0]),
            **{f"{name}Port": str(port) for name, port in self.ports.items()},
            "networkName": f"{self.stack}-deploy",
            "namePrefix": self.prefix,
            "subnet": f"10.{random.randint(128, 250)}.{random.randint(0, 255)}.0/24",
            **config,
        }
        self.environment = self._environment(folder)
        self._copy_project()
        self.pulumi("stack", "init", self.stack)

    @property
    def url(self) -> str:
        address = self.config.get("bindAddress", "127.0.0.1")
        return f"http://{address}:{self.config['frontendPort']}"

    def _environment(self, folder: Path) -> dict[str, str]:
        (folder / "state").mkdir()
        home = folder / "home"
        home.mkdir()
        (home / "plugins").symlink_to(Path.home() / ".pulumi" / "plugins")
        return {
            **os.environ,
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def _copy_project(self) -> None:
        self.project.mkdir()
        for name in SOURCES:
            shutil.copy2(ROOT / name, self.project / name)
        for name in FOLDERS:
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.project / name, ignore=ignore)
        (self.project / ".venv").symlink_to(ROOT / ".venv")

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PULUMI_SECONDS,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def operate(
        self, verb: str, *more: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """`pulumi up`, `preview`, `refresh` or `destroy` of the stack, with its configuration."""
        yes = [] if verb == "preview" else ["--yes"]
        return self.pulumi(verb, *self.configured(), *yes, *more, check=check)

    def configured(self) -> list[str]:
        values = {f"microservices:{key}": value for key, value in self.config.items()}
        self.config_file.write_text(yaml.safe_dump({"config": values}))
        return ["--stack", self.stack, f"--config-file={self.config_file}"]

    def up(self, *more: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.operate("up", "--skip-preview", *more, check=check)

    def container(self, service: str, replica: int = 1) -> Container:
        names = {"frontend": "frontend", **{s.name: s.container for s in SERVICES}}
        number = "" if replica == 1 else f"_{replica}"
        return self.engine.containers.get(self.prefix + names[service] + number)

    def containers(self) -> list[Container]:
        """Every container of the stack, running or not."""
        return self.engine.containers.list(all=True, filters=self._ours(), ignore_removed=True)

    def address(self, service: str) -> str:
        attached = self.container(service).attrs["NetworkSettings"]["Networks"]
        return str(attached[self.config["networkName"]]["IPAddress"])

    def stop(self, service: str) -> None:
        self.container(service).stop(timeout=15)

    def start(self, service: str) -> None:
        self.container(service).start()
        self.wait_healthy(service)

    def wait_healthy(self, service: str) -> None:
        wait_until(lambda: self.container(service).health == "healthy", f"{service} healthy")

    def _ours(self) -> dict[str, str | list[str] | bool]:
        return {"label": f"microservices.stack={self.stack}"}

    def left(self) -> dict[str, list[str]]:
        """What the engine still has of the stack."""
        ours = self._ours()
        return {
            "containers": [
                str(c.name)
                for c in self.engine.containers.list(all=True, filters=ours, ignore_removed=True)
            ],
            "networks": [str(n.name) for n in self.engine.networks.list(filters=ours)],
            "images": [str(i.id) for i in self.engine.images.list(all=True, filters=ours)],
            "volumes": [str(v.name) for v in self.engine.volumes.list(filters=ours)],
        }

    def ids(self) -> list[str]:
        """The engine's ids of what it has of the stack, images aside."""
        ours = self._ours()
        return [
            *(
                str(c.id)
                for c in self.engine.containers.list(all=True, filters=ours, ignore_removed=True)
            ),
            *(str(n.id) for n in self.engine.networks.list(filters=ours)),
            *(str(v.id) for v in self.engine.volumes.list(filters=ours)),
        ]

    def destroy(self) -> None:
        self.operate("destroy", "--skip-preview", "--run-program")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Destroys the stack, and by their labels whatever a failed test left."""
        self.operate("destroy", "--skip-preview", "--run-program", check=False)
        ours = self._ours()
        for container in self.engine.containers.list(all=True, filters=ours, ignore_removed=True):
            container.remove(force=True)
        for network in self.engine.networks.list(filters=ours):
            network.remove()
        for volume in self.engine.volumes.list(filters=ours):
            volume.remove()
        self.engine.close()


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One deployment that is up, for the tests that leave it as they found it."""
    with Deployment(tmp_path_factory.mktemp("deployment")) as one:
        one.up()
        yield one


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment of the test's own, not up yet."""
    with Deployment(tmp_path) as one:
        yield one


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One in production mode that is up, for the tests that leave it as they found it."""
    with Deployment(tmp_path_factory.mktemp("standing"), mode="production", replicas="2") as one:
        one.up()
        yield one
