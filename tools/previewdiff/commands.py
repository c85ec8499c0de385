"""Run commands that stop in good order: Ctrl-C reaches pulumi as one SIGINT, never twice."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.setup.errors import Problem

LIMIT_SECONDS = 1800
STOP_SECONDS = 60  # what a command gets to stop after SIGINT, before SIGKILL

Done = subprocess.CompletedProcess[str]


def run(*command: str, folder: Path, environment: Mapping[str, str]) -> Done:
    """Run the command and return its exit code and what it printed, errors among it.

    It has a session of its own, so the terminal's Ctrl-C does not reach it. An exception here, such
    as KeyboardInterrupt, sends it one SIGINT and waits until it ends, as the time limit does.
    """
    try:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError:
        remedy = 'make sets it up; for a shell of your own: eval "$(make env)"'
        raise Problem(f"there is no {command[0]} on the PATH", remedy=remedy) from None
    try:
        output, _ = child.communicate(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        late = f"`{' '.join(command[:2])}` did not end within {LIMIT_SECONDS // 60} minutes"
        return Done(command, child.returncode or 1, f"{_stop(child)}\n{late}")
    except BaseException:
        _stop(child)
        raise
    return Done(command, child.returncode, output)


def _stop(child: subprocess.Popen[str]) -> str:
    """Stop the command, and return what it printed."""
    child.send_signal(signal.SIGINT)
    try:
        return child.communicate(timeout=STOP_SECONDS)[0]
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return child.communicate()[0]
