"""The secrets of a service, each a file that the stack mounts."""

from pathlib import Path

FOLDER = Path("/run/secrets")


def secret(name: str) -> str:
    """Return the value of a secret that the service's row names.

    Raises LookupError if there is none.
    """
    try:
        return (FOLDER / name).read_text()
    except FileNotFoundError:
        message = f"there is no secret {name!r}: add it to the row in topology.py"
        raise LookupError(message) from None
