"""End plugins of a killed Pulumi: they would continue their operations for minutes."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

PLUGIN = re.compile(r"pulumi-(resource|language|analyzer)-")
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
PATIENCE_SECONDS = 5.0


def end_orphans(folder: Path) -> int:
    """End plugins that work in the folder for a Pulumi that was killed. Return how many."""
    orphans = running = list(_orphans(folder))
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in running:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(process)
        _, running = psutil.wait_procs(running, timeout=PATIENCE_SECONDS)
    return len(orphans)


def _orphans(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            arguments = process.cmdline()
            mine = process.uids().real == os.getuid() and process.cwd() == str(folder)
        except psutil.Error:  # another user's, or it has ended
            continue
        if mine and any(PLUGIN.match(Path(argument).name) for argument in arguments[:3]):
            ports = [int(found[1]) for found in map(ADDRESS.fullmatch, arguments) if found]
            if ports and not _answers(ports[0]):  # the address of the Pulumi that started it
                yield process


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
