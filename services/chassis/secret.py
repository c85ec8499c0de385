"""The secrets of a service, each a file that the stack mounts."""

import os
from pathlib import Path


def secret(name: str) -> str:
    """Return the value of a secret that the service's row names.

    Raises LookupError if there is none. SECRETS is another folder than the stack's, for a test.
    """
    folder = Path(os.environ.get("SECRETS", "/run/secrets"))
    try:
        return (folder / name).read_text()
    except FileNotFoundError:
        message = f"there is no secret {name!r}: add it to the row in topology.py"
        raise LookupError(message) from None
