"""Make up the value of a secret, for every service whose row names it."""

import secrets
import tempfile
from collections.abc import Iterable
from typing import IO

from infra import keys
from tools.setup import process
from tools.setup.errors import Problem
from topology import SERVICES, Service

BYTES = 24
SECONDS = 60


def add(stack: str, name: str, services: Iterable[Service] = SERVICES) -> list[str]:
    """Set the secret in the stack's configuration, and return the names of the services.

    Nothing shows the value, and no process list has it. Raises Problem if one has a value already:
    a database would not take another.
    """
    named = [service.name for service in services if name in service.secrets]
    if not named:
        raise Problem(
            f"NAME={name!r} is a secret of no service", remedy="add it to `secrets` of a row"
        )
    paths = [keys.of_service(service, f"secrets.{name}") for service in named]
    for path in paths:
        if _has_value(stack, path):
            raise Problem(
                f"{path} has a value in stack {stack}",
                remedy=f"pulumi config rm --path {path} --stack {stack} removes it",
            )
    with tempfile.TemporaryFile() as value:
        value.write(secrets.token_urlsafe(BYTES).encode())
        for path in paths:
            value.seek(0)
            _pulumi("set", "--secret", "--path", path, "--stack", stack, source=value)
    return named


def _has_value(stack: str, path: str) -> bool:
    try:
        return bool(_pulumi("get", "--path", path, "--stack", stack))
    except process.FailedError as error:
        if "not found" in error.output:
            return False
        raise


def _pulumi(*words: str, source: IO[bytes] | None = None) -> str:
    return process.run("pulumi", "config", *words, limit=SECONDS, source=source)
