"""Containers that were made and not limited, because the run was interrupted in between."""

from docker import DockerClient
from docker.models.containers import Container

from tools.recover.state import State

LABEL = "microservices.pids-limit"


def set_missing(engine: DockerClient, state: State) -> list[str]:
    """Gives each container the limit of processes that its label names. Returns their names."""
    found = engine.containers.list(filters={"label": LABEL}, ignore_removed=True)
    return [
        str(container.name)
        for container in found
        if container.id in state.ids and _set(engine, container)
    ]


def _set(engine: DockerClient, container: Container) -> bool:
    limit = int(container.labels[LABEL])
    if container.attrs["HostConfig"]["PidsLimit"] == limit:
        return False
    # The Docker SDK's own update() does not know this limit.
    where = f"{engine.api.base_url}/containers/{container.id}/update"
    engine.api.post(where, json={"PidsLimit": limit}).raise_for_status()
    return True
