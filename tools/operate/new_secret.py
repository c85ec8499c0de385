"""Make up the value of a secret, for every service whose row names it."""

import secrets
from collections.abc import Iterable

from infra import keys
from tools.operate import stack_keys
from tools.setup.errors import Problem
from topology import SERVICES, Service

BYTES = 24


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
        if stack_keys.get(stack, path):
            raise Problem(
                f"{path} has a value in stack {stack}",
                remedy=f"pulumi config rm --path {path} --stack {stack} removes it",
            )
    value = secrets.token_urlsafe(BYTES).encode()
    for path in paths:
        stack_keys.put(stack, path, value, secret=True)
    return named
