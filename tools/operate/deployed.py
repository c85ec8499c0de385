"""The containers of one stack, found on the engine by their labels."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker
from docker.models.containers import Container

from infra import labels
from infra.engine import client
from tools.setup.errors import Problem
from topology import GATEWAY, SERVICES


@dataclass(frozen=True)
class Stack:
    name: str
    engine: docker.DockerClient

    @property
    def filters(self) -> dict[str, str | list[str] | bool]:
        return labels.filters(self.name)

    def containers(self) -> list[Container]:
        found: list[Container] = self.engine.containers.list(
            all=True, filters=self.filters, ignore_removed=True
        )
        return sorted(found, key=lambda container: str(container.name))

    def of(self, service: str) -> list[Container]:
        """Return the containers of a service, by the service's or the container's name."""
        found = [one for one in self.containers() if is_of(one, service)]
        if not found:
            raise Problem(
                f"S={service!r} is not a running service of stack {self.name}",
                remedy=f"take one of these: {', '.join(names_of_services())}",
            )
        return sorted(found, key=lambda one: (len(str(one.name)), str(one.name)))

    def replica(self, service: str, number: int) -> Container:
        """Return one container of a service; the first is number 1."""
        found = self.of(service)
        if not 1 <= number <= len(found):
            raise Problem(
                f"N={number}: {service} has {len(found)} containers in stack {self.name}",
                remedy=f"take a number from 1 to {len(found)}",
            )
        return found[number - 1]

    def missing(self) -> list[str]:
        """Return the services that have no container; the gateway is one of them."""
        there = {alias for container in self.containers() for alias in aliases(container)}
        return [name for name, alias in names_of_services().items() if alias not in there]


@contextmanager
def connect(name: str) -> Iterator[Stack]:
    with client() as engine:
        yield Stack(name, engine)


def names_of_services() -> dict[str, str]:
    """Return the name of each on the network, the gateway first."""
    return {GATEWAY: GATEWAY, **{service.name: service.container for service in SERVICES}}


def is_of(container: Container, service: str) -> bool:
    """Return whether it is a container of the service, or the one that has this name."""
    first = names_of_services().get(service)
    replica = re.compile(rf"{re.escape(first)}(_[0-9]+)?" if first else re.escape(service))
    return any(replica.fullmatch(name) for name in (*aliases(container), str(container.name)))


def aliases(container: Container) -> set[str]:
    if container.attrs["HostConfig"]["NetworkMode"].startswith("container:"):
        return {GATEWAY}  # only nginx has its network from another container, the gateway's
    networks = container.attrs["NetworkSettings"]["Networks"]
    return {alias for network in networks.values() for alias in network["Aliases"] or ()}


def url(container: Container) -> str:
    """Return the address where the container is published; empty if it is not."""
    published = {port: bound[0] for port, bound in (container.ports or {}).items() if bound}
    if not published:
        return ""
    secure = published.get("443/tcp")
    scheme, usual = ("https", "443") if secure else ("http", "80")
    one = secure or next(iter(published.values()))
    host = one["HostIp"].replace("0.0.0.0", "127.0.0.1")  # noqa: S104  it is shown, not bound
    host = container.labels.get(labels.DOMAIN, host)
    return (
        f"{scheme}://{host}" if one["HostPort"] == usual else f"{scheme}://{host}:{one['HostPort']}"
    )
