"""What the containers on the engine tell of hands that were at work, which no state knows."""

from functools import cache
from pathlib import Path
from typing import Any

import docker

from infra.content import digest

IMAGE_LABEL = "microservices.image"


def mounted(container: str, target: str, folder: Path) -> Path:
    """Where to mount `folder` from: from where it is mounted, if that has the same content.

    So another checkout of the same commit changes nothing.
    """
    mounts = _inspected(container).get("Mounts", [])
    there = next((Path(m["Source"]) for m in mounts if m["Destination"] == target), folder)
    if there == folder or not there.is_dir():
        return folder
    return there if digest(there) == digest(folder) else folder


def moved(tag: str) -> str:
    """The ID of a container that was made of `tag` when that was another image, or ""."""
    try:
        images = _engine().images(name=tag)
        made = _engine().containers(all=True, filters={"label": f"{IMAGE_LABEL}={tag}"})
    except docker.errors.DockerException:
        return ""
    return next((str(c["Id"]) for c in made for i in images if c["ImageID"] != i["Id"]), "")


def _inspected(container: str) -> dict[str, Any]:
    try:
        return dict(_engine().inspect_container(container))
    except docker.errors.DockerException:
        return {}


@cache
def _engine() -> docker.APIClient:
    return docker.from_env(timeout=10).api
