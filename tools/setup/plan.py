"""Describe in one line what is going to be installed."""

import shutil
from pathlib import Path

from tools.setup import base_images, docker_engine, paths, plugin
from tools.setup.versions import NGINX_IMAGE, PYTHON_IMAGE


def describe(then: str) -> str:
    missing = [what for what, there in _installed().items() if not there]
    if not missing:
        return f"{then}; everything it needs is installed"
    return f"install {', '.join(missing)}; then {then}"


def _installed() -> dict[str, bool]:
    """Return what is installed, by quick checks only: each step checks again by itself."""
    names = [PYTHON_IMAGE, NGINX_IMAGE]
    answers = docker_engine.answers() is not None
    return {
        "a Docker engine": answers,
        "base images": answers and base_images.are_there(names),
        "Pulumi": _program("pulumi", paths.pulumi_programs()),
        "its Docker plugin": plugin.installed(),
        "uv": _program("uv", paths.programs()),
        ".venv": (paths.PROJECT / ".venv" / "bin" / "python").exists(),
    }


def _program(name: str, own: Path) -> bool:
    return shutil.which(name) is not None or (own / name).exists()
