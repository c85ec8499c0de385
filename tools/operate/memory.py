"""A container's memory, from its cgroup, or from the engine if that is on another machine."""

from pathlib import Path
from typing import Any, cast

from docker.models.containers import Container

CGROUPS = Path("/sys/fs/cgroup")
# Of cgroup v1 and v2: the controller in /proc/PID/cgroup -> its folder, its total, its page cache.
VERSIONS = {
    "memory": ("memory", "memory.usage_in_bytes", "total_inactive_file"),
    "": ("", "memory.current", "inactive_file"),
}


def used(container: Container, *, processes: Path = Path("/proc")) -> int | None:
    """Return bytes, without the page cache; None if they are not known."""
    pid = container.attrs["State"]["Pid"]
    if not pid:
        return None
    try:
        memberships = (processes / str(pid) / "cgroup").read_text()
        if str(container.id) in memberships:  # a rootless engine may give it none of its own
            return of_cgroup(memberships)
    except (OSError, KeyError, ValueError):
        pass  # the engine is on another machine
    return _of_engine(container)


def of_cgroup(memberships: str, root: Path = CGROUPS) -> int:
    paths = {names: path for _, names, path in (m.split(":", 2) for m in memberships.split())}
    version = next(name for name in VERSIONS if name in paths)
    folder, total, cache = VERSIONS[version]
    cgroup = root / folder / paths[version].lstrip("/")
    figures = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    return int((cgroup / total).read_text()) - int(figures[cache])


def _of_engine(container: Container) -> int | None:
    figures = cast("dict[str, Any]", container.stats(stream=False))
    usage: int | None = figures.get("memory_stats", {}).get("usage")
    return usage or None
