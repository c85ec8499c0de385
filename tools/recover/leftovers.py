"""Find and remove resources that have a stack's labels but are not in its state."""

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import docker
from docker import DockerClient

from infra import labels, timeouts
from tools.recover.state import State
from topology import Service


@dataclass(frozen=True, kw_only=True)
class Leftover:
    kind: str
    id: str
    names: tuple[str, ...]
    created: datetime

    def __str__(self) -> str:
        return f"{self.kind} {self.names[0] if self.names else self.id}"


def find(engine: DockerClient, project: str, stack: str, state: State) -> list[Leftover]:
    """Return the leftovers, in an order in which they can be removed."""
    filters = labels.filters(stack, project)
    known = state.ids
    volumes = engine.api.volumes(filters=filters)["Volumes"] or []
    return [
        *(
            _container(c)
            for c in engine.api.containers(all=True, filters=filters)
            if c["Id"] not in known and labels.SWARM_TASK not in c["Labels"]
        ),
        *(_network(n) for n in engine.api.networks(filters=filters) if n["Id"] not in known),
        *(_volume(v) for v in volumes if v["Name"] not in known),
        *(_image(engine, i) for i in engine.api.images(filters=filters) if i["Id"] not in known),
    ]


def remove(engine: DockerClient, leftover: Leftover) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        _REMOVE[leftover.kind](engine, leftover)


def stop_and_remove(engine: DockerClient, container: str, seconds: int = 0) -> None:
    """Stop and remove a container, and wait until it is gone.

    It has its own time to stop, unless another number of seconds is given.
    """
    with contextlib.suppress(docker.errors.NotFound):
        one = engine.containers.get(container)
        # A container of an older version has no time of its own.
        own = one.attrs["Config"].get("StopTimeout") or timeouts.stop(Service.timeout)
        seconds = seconds or own
        one.stop(timeout=seconds)
        with contextlib.suppress(docker.errors.APIError):
            one.remove(force=True, v=True)
        one.wait(condition="removed", timeout=seconds)


def _remove_image(engine: DockerClient, leftover: Leftover) -> None:
    for name in leftover.names or (leftover.id,):
        with contextlib.suppress(docker.errors.APIError):  # a container still uses it
            engine.images.remove(name)


_REMOVE = {
    "container": lambda engine, leftover: stop_and_remove(engine, leftover.id),
    "network": lambda engine, leftover: engine.api.remove_network(leftover.id),
    "volume": lambda engine, leftover: engine.api.remove_volume(leftover.id),
    "image": _remove_image,
}


def _container(item: dict[str, Any]) -> Leftover:
    return Leftover(
        kind="container",
        id=item["Id"],
        names=tuple(name.lstrip("/") for name in item["Names"] or []),
        created=datetime.fromtimestamp(item["Created"], UTC),
    )


def _network(item: dict[str, Any]) -> Leftover:
    created = datetime.fromisoformat(item["Created"])
    return Leftover(kind="network", id=item["Id"], names=(item["Name"],), created=created)


def _volume(item: dict[str, Any]) -> Leftover:
    created = datetime.fromisoformat(item["CreatedAt"])
    return Leftover(kind="volume", id=item["Name"], names=(item["Name"],), created=created)


def _image(engine: DockerClient, item: dict[str, Any]) -> Leftover:
    """Return an image with the time of its tag: a cached build only tags an existing image."""
    tagged = engine.images.get(item["Id"]).attrs["Metadata"]["LastTagTime"]
    names = tuple(name for name in item["RepoTags"] or [] if name != "<none>:<none>")
    return Leftover(
        kind="image", id=item["Id"], names=names, created=datetime.fromisoformat(tagged)
    )
