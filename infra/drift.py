"""What the containers on the engine tell of hands that were at work, which no state knows."""

from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from infra import engine, labels
from infra.content import digest


def mounted(container: str, target: str, folder: Path) -> Path:
    """Where to mount `folder` from: from where it is mounted, if that has the same content.

    So another checkout of the same commit changes nothing.
    """
    found = (c for c in _containers() if f"/{container}" in c["Names"])
    mounts: list[dict[str, Any]] = next((c["Mounts"] for c in found), [])
    there = next((Path(m["Source"]) for m in mounts if m["Destination"] == target), folder)
    if there == folder or not there.is_dir():
        return folder
    return there if digest(there) == digest(folder) else folder


def moved(tag: str) -> str:
    """The ID of a container that was made of `tag` when that was another image, or ""."""
    image = _tagged().get(tag)
    made = (c for c in _containers() if (c["Labels"] or {}).get(labels.IMAGE) == tag)
    return next((str(c["Id"]) for c in made if image not in (None, c["ImageID"])), "")


@cache  # asked once: the engine's answer takes longer the more it has
def _containers() -> list[dict[str, Any]]:
    try:
        with engine.client() as client:
            return list(client.api.containers(all=True))
    except engine.EngineError as error:
        pulumi.log.warn(f"What was changed by hand is not seen: {error}")
        return []


@cache
def _tagged() -> dict[str, str]:
    try:
        with engine.client() as client:
            images = client.api.images()
    except engine.EngineError as error:
        pulumi.log.warn(f"Tags that were moved to another image are not seen: {error}")
        return {}
    return {tag: str(image["Id"]) for image in images for tag in image["RepoTags"] or ()}
