"""End plugins of a killed Pulumi: they would continue their operations for minutes."""

import contextlib
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

PLUGIN = re.compile(r"pulumi-(resource|language|analyzer)-")
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
PATIENCE_SECONDS = 5.0


def end_orphans(folder: Path) -> int:
    """End plugins that work in the folder for a Pulumi that was killed. Return how many."""
    pids = list(_orphans(folder))
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(map(_lives, pids)) and time.monotonic() < deadline:
            time.sleep(0.05)
    return len(pids)


def _orphans(folder: Path) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (entry / "cmdline").read_text(errors="replace").split("\0")
            mine = entry.stat().st_uid == os.getuid() and (entry / "cwd").readlink() == folder
        except OSError:
            continue
        if mine and any(PLUGIN.match(Path(argument).name) for argument in arguments[:3]):
            ports = [int(found[1]) for found in map(ADDRESS.fullmatch, arguments) if found]
            if ports and not _answers(ports[0]):  # the address of the Pulumi that started it
                yield int(entry.name)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _lives(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
