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


def has(stack: str, path: str) -> bool:
    try:
        return bool(_pulumi("get", "--path", path, "--stack", stack))
    except process.FailedError as error:
        if "not found" in error.output:
            return False
        raise


def _pulumi(*words: str, source: IO[bytes] | None = None) -> str:
    return process.run("pulumi", "config", *words, limit=SECONDS, source=source)
