"""What is missing, in one line before it is set up."""

import shutil
from pathlib import Path

from tools.setup import base_images, docker_engine, paths, plugin
from tools.setup.versions import NGINX_IMAGE, PYTHON_IMAGE


def say(then: str) -> str:
    missing = [what for what, there in _looks().items() if not there]
    if not missing:
        return f"{then}; all it needs is there"
    return f"set up {', '.join(missing)}; then {then}"


def _looks() -> dict[str, bool]:
    """Say what is there, by a look that takes no time: each step looks closer when it comes."""
    names = [PYTHON_IMAGE, NGINX_IMAGE]
    answers = docker_engine.answers() is not None
    return {
        "a Docker engine": answers,
        "base images": answers and base_images.present(names).keys() == set(names),
        "Pulumi": _program("pulumi", paths.pulumi_programs()),
        "its Docker plugin": plugin.installed(),
        "uv": _program("uv", paths.programs()),
        ".venv": (paths.PROJECT / ".venv" / "bin" / "python").exists(),
    }


def _program(name: str, own: Path) -> bool:
    return shutil.which(name) is not None or (own / name).exists()
