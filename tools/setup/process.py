"""Run commands, and end those that still run when the setup is interrupted."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from tools.setup.errors import Problem

PATIENCE = 8.0  # for a command to exit after SIGTERM

_running: set[subprocess.Popen[str]] = set()
_lock = threading.Lock()
_ending = threading.Event()


class FailedError(Exception):
    """A command that exited with an error, was stopped by its time limit, or does not exist."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


def run(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limit: float | None = None,
    output: IO[bytes] | None = None,
    source: IO[bytes] | None = None,
) -> str:
    """Run a command and return what it printed, with stderr.

    `output` is a file for its standard output; only stderr is returned then.
    Raises FailedError if it fails or takes longer than `limit` seconds.
    """
    child = start(*command, environment=environment, folder=folder, output=output, source=source)
    try:
        printed, errors = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _end({child})
        raise FailedError(f"{command[0]} did not finish within {limit:.0f} s") from None
    finally:
        forget(child)
    text = (errors if output else printed) or ""
    if child.returncode:
        raise FailedError(text.strip() or f"{command[0]} exited with {child.returncode}")
    return text


def start(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: IO[bytes] | None = None,
    source: IO[bytes] | None = None,
) -> subprocess.Popen[str]:
    """Start a command in a session of its own, so that only `end_all` interrupts it."""
    with _lock:
        if _ending.is_set():
            raise FailedError("interrupted")
        try:
            child = subprocess.Popen(
                command,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                stdin=source or subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.PIPE if output else subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise FailedError(f"{command[0]}: {error.strerror}") from error
        _running.add(child)
        return child


def forget(child: subprocess.Popen[str]) -> None:
    with _lock:
        _running.discard(child)


def end_all() -> None:
    """End all commands that are running, and refuse to start others."""
    _ending.set()
    with _lock:
        children = set(_running)
    _end(children)


def in_parallel(*tasks: Callable[[], None]) -> None:
    """Run tasks in parallel. Raise the first error at once, without waiting for the others."""
    done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def attempt(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            done.put(error)
        else:
            done.put(None)

    for task in tasks:
        threading.Thread(target=attempt, args=(task,), daemon=True).start()
    for _ in tasks:
        if error := done.get():
            raise error


def need_root(what: str, remedy: str) -> None:
    if os.geteuid() != 0:
        raise Problem(what, "this needs root", remedy)


def _end(children: set[subprocess.Popen[str]]) -> None:
    for child in children:
        _signal(child, signal.SIGTERM)
    for child in children:
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
