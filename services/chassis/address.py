"""The address that a service listens on: HOST and PORT of the environment."""

import os


def address() -> tuple[str, int]:
    host = os.environ.get("HOST", "0.0.0.0")  # noqa: S104  inside a container
    return host, int(os.environ.get("PORT", "8080"))
