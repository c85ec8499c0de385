"""Run the gateway's image with configurable replicas, without Pulumi."""

import random
import shutil
import uuid
from pathlib import Path
from typing import Any, ClassVar, Self

import docker
from docker.models.containers import Container
from docker.types import EndpointConfig, IPAMConfig, IPAMPool

from infra import hosts, nginx
from infra.containers import gateway_limits
from infra.health import MIN_READY_SECONDS
from tests.support import base
from tests.support.contract import ask
from tests.support.deployment import ROOT
from tests.support.polling import wait_until
from topology import SERVICES, Service

ONE, TWO = SERVICES
READY_SECONDS = 60 + MIN_READY_SECONDS


class Gateway:
    """nginx with two replicas of the first service and one of the second, on its own network."""

    replicas: ClassVar = {ONE: (ONE.container, f"{ONE.container}_2"), TWO: (TWO.container,)}

    def __init__(self, folder: Path, *, trusts_the_host: bool = False) -> None:
        self.engine = docker.from_env()
        self.name = f"gateway-{uuid.uuid4().hex[:8]}"
        self.prefix = f"{self.name}-"
        self.subnet = f"10.{random.randint(20, 120)}.{random.randint(0, 255)}"
        self.content = folder / "nginx"
        self.proxies = [f"{self.subnet}.1"] if trusts_the_host else []
        self.network = self.engine.networks.create(
            self.name, ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=f"{self.subnet}.0/24")])
        )
        shutil.copytree(ROOT / "nginx", self.content)
        self.page = folder / "frontend"
        shutil.copytree(ROOT / "frontend", self.page)
        self.containers: dict[str, Container] = {}

    @property
    def url(self) -> str:
        return f"http://{self.subnet}.2"

    def __enter__(self) -> Self:
        try:
            for number, (service, names) in enumerate(self.replicas.items()):
                for order, name in enumerate(names):
                    self.add_replica(name, service, 10 * (number + 1) + order)
            self._start_gateway()
            wait_until(self.serves, "the gateway and its replicas serve", READY_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def add_replica(
        self, name: str, service: Service, address: int, *, takes: str = "", backlog: int = 2048
    ) -> None:
        environment = {"NAME": name, "SERVICE": takes or service.name, "BACKLOG": str(backlog)}
        command = ["python3", "/replica/replica.py"]
        folders = {"/replica": ROOT / "tests" / "support"}
        self.containers[name] = self._run(
            name, base.python(), address, folders, command=command, environment=environment
        )

    def _start_gateway(self) -> None:
        blocks = {
            "UPSTREAMS": nginx.render(self.replicas, trusted_proxies=self.proxies),
            "HOSTS": hosts.render(self.replicas),
            "LOCATIONS": hosts.render_locations(self.replicas),
            "TOPOLOGY": "{}",
        }
        arguments = {"BASE_IMAGE": base.nginx(), **blocks}
        # A name of its own: another gateway may have the same image, and remove it.
        self.engine.images.build(
            path=str(ROOT),
            dockerfile="nginx/Dockerfile",
            target="configured",
            buildargs=arguments,
            tag=self.name,
            forcerm=True,
        )
        folders = {"/gateway": self.content, "/frontend": self.page}
        self.containers["frontend"] = self._run("frontend", self.name, 2, folders)

    def _run(
        self,
        name: str,
        image: str,
        address: int,
        folders: dict[str, Path],
        **more: Any,  # noqa: ANN401  as the client's own
    ) -> Container:
        at = EndpointConfig(
            self.engine.api.api_version, ipv4_address=f"{self.subnet}.{address}", aliases=[name]
        )
        container = self.engine.containers.create(
            image,
            name=self.prefix + name,
            network=self.name,
            networking_config={self.name: at},
            volumes=[f"{path}:{target}:ro" for target, path in folders.items()],
            read_only=True,
            init=True,
            restart_policy={"Name": "always"},
            mem_limit=f"{gateway_limits(self.replicas).memory}m",
            tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
            **more,
        )
        container.start()
        return container

    def serves(self) -> bool:
        try:
            return all(self.ask(service, "/echo")[0] == 200 for service in (*self.replicas, ONE))
        except OSError:
            return False

    def ask(
        self,
        service: Service,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        url = f"{self.url}{service.prefix}{path.removeprefix('/')}"
        return ask(url, method, headers, body)

    def does(self, *command: str) -> tuple[int, str]:
        """Return the exit code and the output of a command of the gateway's script."""
        code, output = self.containers["frontend"].exec_run(["gateway", *command])
        return int(code or 0), bytes(output).decode().strip()  # type: ignore[arg-type]  # not streamed

    def asked(self, name: str) -> list[str]:
        """Return the requests that the replica received, such as "GET /echo"."""
        return self.containers[name].logs().decode().splitlines()

    def __exit__(self, *_: object) -> None:
        for container in self.containers.values():
            container.remove(force=True)
        self.network.remove()
        if self.engine.images.list(name=self.name):
            self.engine.images.remove(self.name, force=True)
        self.engine.close()
