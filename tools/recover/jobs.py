"""Remove containers that were to run once and failed, so that the next update runs them again.

The hook that does it is skipped when the run is interrupted.
"""

from docker import DockerClient
from docker.models.containers import Container

from infra import labels
from infra.engine import runs_once
from tools.recover.state import State


def remove_failed(engine: DockerClient, state: State) -> list[str]:
    """Return the names of those removed."""
    ended = engine.containers.list(
        all=True, filters={"status": "exited", "label": labels.PROJECT}, ignore_removed=True
    )
    ours = state.ids
    failed = [one for one in ended if one.id in ours and _failed(one)]
    for container in failed:
        container.remove()
    return [str(container.name) for container in failed]


def _failed(container: Container) -> bool:
    return runs_once(container) and container.attrs["State"]["ExitCode"] != 0
