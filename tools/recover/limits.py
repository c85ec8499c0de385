"""Set process limits that a hook did not set, because the run was interrupted."""

from docker import DockerClient
from docker.models.containers import Container

from infra import labels
from infra.engine import can_limit_processes, set_process_limit
from tools.recover.state import State


def set_missing(engine: DockerClient, state: State) -> list[str]:
    """Set the process limit in each container's label. Return the names of those changed."""
    if not can_limit_processes(engine):
        return []
    found = engine.containers.list(filters={"label": labels.PIDS_LIMIT}, ignore_removed=True)
    return [
        str(container.name)
        for container in found
        if container.id in state.ids and _set(engine, container)
    ]


def _set(engine: DockerClient, container: Container) -> bool:
    limit = int(container.labels[labels.PIDS_LIMIT])
    if container.attrs["HostConfig"]["PidsLimit"] == limit:
        return False
    set_process_limit(engine, str(container.id), limit)
    return True
