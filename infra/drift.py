"""Drift that Pulumi's state cannot show: mounts and tags changed outside of Pulumi."""

from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from infra import engine, labels
from infra.content import digest


def mounted(container: str, target: str, folder: Path) -> Path:
    """Return the host's path to mount for `folder`.

    It is the path that the container mounts now, if that has the same content: another checkout of
    the same commit changes nothing.
    """
    found = (c for c in _containers() if f"/{container}" in c["Names"])
    mounts: list[dict[str, Any]] = next((c["Mounts"] for c in found), [])
    there = next((Path(m["Source"]) for m in mounts if m["Destination"] == target), folder)
    if there == folder or not there.is_dir():
        return folder
    return there if digest(there) == digest(folder) else folder


def moved(tag: str) -> str:
    """Return the ID of a container that was made from `tag` when it named another image, or ""."""
    image = _tagged().get(tag)
    made = (c for c in _containers() if (c["Labels"] or {}).get(labels.IMAGE) == tag)
    return next((str(c["Id"]) for c in made if image not in (None, c["ImageID"])), "")


@cache  # one request: a listing takes longer the more containers there are
def _containers() -> list[dict[str, Any]]:
    try:
        with engine.client() as client:
            return list(client.api.containers(all=True))
    except engine.EngineError as error:
        pulumi.log.warn(f"Changes made outside of Pulumi are not shown: {error}")
        return []


@cache
def _tagged() -> dict[str, str]:
    try:
        with engine.client() as client:
            images = client.api.images()
    except engine.EngineError as error:
        pulumi.log.warn(f"Tags that name another image now are not shown: {error}")
        return {}
    return {tag: str(image["Id"]) for image in images for tag in image["RepoTags"] or ()}
