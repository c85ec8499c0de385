"""Find stale locks of a file backend: Pulumi does not check whether their process still runs."""

import json
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tools.setup.errors import Problem


@dataclass(frozen=True, kw_only=True)
class Lock:
    file: Path
    pid: int
    user: str
    host: str
    since: datetime

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, pid {self.pid}, since {self.since:%Y-%m-%d %H:%M:%S} UTC"


def stale(folder: Path, stack: str) -> list[Lock]:
    """Return the stale locks. Raises Problem if the process of one runs, or may run."""
    # Pulumi counts every file as a lock, also one that a full disk has truncated.
    found = [_read(file) for file in sorted(folder.glob("*")) if file.suffix != ".attrs"]
    for lock in found:
        if lock.host != socket.gethostname():
            raise Problem(
                f"stack {stack} is locked from another machine ({lock})",
                "only there can be checked whether that run is still active",
                f"wait for it; if it is gone: pulumi cancel --yes --stack {stack}",
            )
        if lock.pid and _is_pulumi(lock.pid):
            raise Problem(
                f"stack {stack} is in use ({lock})",
                "another pulumi process is using it",
                f"wait for it to end, or end it with kill -INT {lock.pid}, and run it again",
            )
    return found


def remove(locks: list[Lock]) -> None:
    """Remove only these locks: `pulumi cancel` would also remove one that was just created."""
    for lock in locks:
        lock.file.unlink(missing_ok=True)
        lock.file.with_name(f"{lock.file.name}.attrs").unlink(missing_ok=True)


def _read(file: Path) -> Lock:
    try:
        content = json.loads(file.read_text())
        return Lock(
            file=file,
            pid=int(content["pid"]),
            user=str(content["username"]),
            host=str(content["hostname"]),
            since=datetime.fromisoformat(content["timestamp"]),
        )
    except (
        ValueError,
        KeyError,
        TypeError,
    ):  # truncated: power or disk failed while it was written
        since = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        return Lock(file=file, pid=0, user="unknown", host=socket.gethostname(), since=since)


def _is_pulumi(pid: int) -> bool:
    """Return whether this process is a Pulumi: its ID may have been reused by another program."""
    try:
        owner = psutil.Process(pid)
        return owner.status() != psutil.STATUS_ZOMBIE and "pulumi" in owner.name()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's, which may be one
        return True
