"""Keys of a stack's configuration. No value is shown, and no process list has one."""

import tempfile
from typing import IO

from tools.setup import process

SECONDS = 60


def put(stack: str, path: str, value: bytes, *, secret: bool = False) -> None:
    encrypted = ("--secret",) if secret else ()
    with tempfile.TemporaryFile() as source:
        source.write(value)
        source.seek(0)
        _pulumi("set", *encrypted, "--path", path, "--stack", stack, source=source)


def get(stack: str, path: str) -> str:
    """Return the value, or an empty text."""
    try:
        return _pulumi("get", "--path", path, "--stack", stack)
    except process.FailedError as error:
        if "not found" in error.output:
            return ""
        raise


def remove(stack: str, key: str) -> None:
    _pulumi("rm", key, "--stack", stack)


def _pulumi(*words: str, source: IO[bytes] | None = None) -> str:
    return process.run("pulumi", "config", *words, limit=SECONDS, source=source)
