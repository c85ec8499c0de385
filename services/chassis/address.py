"""The address that a service listens at, from its environment."""

import os


def address() -> tuple[str, int]:
    host = os.environ.get("HOST", "0.0.0.0")  # noqa: S104  in a container, its own network's
    return host, int(os.environ.get("PORT", "8080"))
