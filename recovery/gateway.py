"""Replicas that a killed update had taken out of the gateway."""

import contextlib

import docker
from docker import DockerClient
from docker.models.containers import Container

from infra.engine import EngineError, execute
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
    with contextlib.suppress(EngineError):  # its deletion has begun and goes on in any case
        execute(gateway, "gateway", "drain", name.removeprefix(_prefix(gateway)))


def restore_healthy(engine: DockerClient, gateway: Container) -> list[str]:
    """Sends requests again to every replica that is out and healthy. Returns their names."""
    restored = []
    for replica in execute(gateway, "bash", "-c", f"ls {DRAINED} 2>/dev/null || true").split():
        name = _prefix(gateway) + replica
        found = engine.containers.list(
            filters={"name": f"^/?{name}$", "health": "healthy"}, ignore_removed=True
        )
        if found:
            execute(gateway, "gateway", "restore", replica)
            restored.append(name)
    return restored


def _prefix(gateway: Container) -> str:
    return str(gateway.name).removesuffix(SERVICE)
