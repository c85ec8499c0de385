"""Replicas that a killed update had taken out of the gateway."""

import docker
from docker import DockerClient
from docker.models.containers import Container

from recovery.state import State

SERVICE = "frontend"
DRAINED = "/tmp/gateway/drained"  # noqa: S108  in the gateway's own memory


def find(engine: DockerClient, state: State) -> Container | None:
    for resource in state.resources:
        if resource["urn"].endswith(f"container:Container::{SERVICE}"):
            try:
                found = engine.containers.get(resource["id"])
            except docker.errors.NotFound:
                return None
            return found if found.status == "running" else None
    return None


def drain(gateway: Container, name: str) -> None:
    gateway.exec_run(["gateway", "drain", name.removeprefix(_prefix(gateway))])


def restore_healthy(engine: DockerClient, gateway: Container) -> list[str]:
    """Sends requests again to every replica that is out and healthy. Returns their names."""
    restored = []
    for replica in _said(gateway, "ls", DRAINED).split():
        name = _prefix(gateway) + replica
        found = engine.containers.list(
            filters={"name": f"^/?{name}$", "health": "healthy"}, ignore_removed=True
        )
        if found:
            _said(gateway, "gateway", "restore", replica)
            restored.append(name)
    return restored


def _prefix(gateway: Container) -> str:
    return str(gateway.name).removesuffix(SERVICE)


def _said(gateway: Container, *command: str) -> str:
    code, output = gateway.exec_run(list(command))
    return bytes(output).decode() if code == 0 else ""  # type: ignore[arg-type]  # not streamed
