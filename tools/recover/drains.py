"""Drain and restore replicas at the gateway, as the hooks of a killed update would have."""

from collections.abc import Iterable, Mapping
from typing import Any

import docker
from docker import DockerClient
from docker.models.containers import Container

from infra import labels, timeouts
from infra.engine import ANSWER_SECONDS, execute
from infra.nginx import DRAINED
from tools.recover.state import State
from tools.setup.errors import Problem
from topology import GATEWAY, NGINX


def find(engine: DockerClient, state: State) -> Container | None:
    for resource in state.resources:
        if resource["urn"].endswith(f"container:Container::{GATEWAY}"):
            try:
                found = engine.containers.get(resource["id"])
            except docker.errors.NotFound:
                return None
            return found if found.status == "running" else None
    return None


def before_deletion(gateway: Container, inputs: Mapping[str, Any]) -> None:
    """Do what the hook before the deletion of the container of these inputs would do."""
    if inputs["name"] == _prefix(gateway) + NGINX:
        _take_over(gateway)
    else:
        drain(gateway, inputs)


def before_removal(engine: DockerClient, state: State, names: Iterable[str]) -> None:
    """Have the nginx on standby serve, if these are the names of the one that serves."""
    gateway = find(engine, state)
    if gateway and _prefix(gateway) + NGINX in names:
        _take_over(gateway)


def drain(gateway: Container, inputs: Mapping[str, Any]) -> None:
    """Drain the container of these inputs at the gateway, and wait for its open requests.

    Raises Problem if that fails, unless the gateway has stopped: then there are no requests.
    """
    try:
        replica = inputs["name"].removeprefix(_prefix(gateway))
        waits = inputs["destroyGraceSeconds"], labels.streams_of(inputs)
        command = ("gateway", "drain", replica, str(timeouts.drain(*waits)))
        _run(gateway, *command, within=timeouts.drained(*waits))
    except Problem:
        if _is_running(gateway):
            raise


def restore(gateway: Container, name: str) -> None:
    """Let the gateway send requests to a container again. Raises Problem if that fails."""
    _run(gateway, "gateway", "restore", name.removeprefix(_prefix(gateway)))


def drained_and_healthy(engine: DockerClient, gateway: Container) -> list[str]:
    """Return the names of the containers that are drained although they are healthy."""
    names = [_prefix(gateway) + replica for replica in _run(gateway, "ls", DRAINED).split()]
    healthy = engine.containers.list(filters={"health": "healthy"}, ignore_removed=True)
    return [name for name in names if name in {one.name for one in healthy}]


def _take_over(gateway: Container) -> None:
    _run(gateway, "gateway", "take-over")


def _prefix(gateway: Container) -> str:
    return str(gateway.name).removesuffix(GATEWAY)


def _is_running(gateway: Container) -> bool:
    try:
        gateway.reload()
    except docker.errors.NotFound:
        return False
    return bool(gateway.status == "running")


def _run(gateway: Container, *command: str, within: float = ANSWER_SECONDS) -> str:
    """Return the output of a command in the gateway. Raises Problem if it fails or hangs."""
    try:
        return execute(gateway, *command, seconds=within)
    except docker.errors.DockerException as error:
        raise Problem(
            f"{gateway.name}: `{' '.join(command)}` failed",
            str(error),
            f"`docker logs {gateway.name}` shows why; then run this again",
        ) from None
