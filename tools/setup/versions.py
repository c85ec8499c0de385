"""The versions that the setup installs, and the oldest that it accepts."""

PULUMI = "3.256.0"
PULUMI_MINIMUM = (3, 238, 0)  # the first whose updates fail when a hook fails
DOCKER_PLUGIN = "5.2.0"
UV = "0.13.9"
UV_MINIMUM = (0, 5, 0)
GO = "1.27.3"
ACTIONLINT = "1.7.12"  # as in actionlint/go.mod

PYTHON_IMAGE = "python:3.13-slim"
NGINX_IMAGE = "nginx:1.30"


def parse(text: str) -> tuple[int, int, int] | None:
    """Read the first version number of a text such as ``v3.256.0`` or ``go1.26.8 linux``."""
    for word in text.replace("go version", "").split():
        numbers = word.strip(",()").removeprefix("go").removeprefix("v").split("-")[0].split(".")
        if len(numbers) > 1 and all(number.isdigit() for number in numbers):
            major, minor, patch = [*map(int, numbers), 0][:3]
            return major, minor, patch
    return None
