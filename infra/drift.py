"""Drift that Pulumi's state cannot show: mounts and tags changed outside of Pulumi."""

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from infra import engine, labels
from infra.content import digest
from infra.stack import own_labels


def mounted(container: str, target: str, folder: Path) -> Path:
    """Return the host's path to mount for `folder`.

    It is the path that the container mounts now, if that has the same content: another checkout of
    the same commit changes nothing.
    """
    mounts: list[dict[str, Any]] = _named(container).get("Mounts", [])
    there = next((Path(m["Source"]) for m in mounts if m["Destination"] == target), folder)
    if there == folder or not there.is_dir():
        return folder
    return there if digest(there) == digest(folder) else folder


def moved(tag: str, content: str) -> bool:
    """Return whether `tag` names an image that was not built from `content`, a digest.

    Or another image than when a container was made from it.
    """
    image = _tagged().get(tag)
    if image is None:
        return False
    made = (c for c in _containers() if (c["Labels"] or {}).get(labels.IMAGE) == tag)
    return (image["Labels"] or {}).get(labels.CONTENT) != content or any(
        container["ImageID"] != image["Id"] for container in made
    )


def label(container: str, key: str) -> str:
    """Return a label of the container of this name on the engine; empty without one."""
    return str((_named(container).get("Labels") or {}).get(key, ""))


def tags() -> Collection[str]:
    """Return the tags of all images on the engine; none in a preview without an engine."""
    return _tagged().keys()


def is_there(tag: str) -> bool:
    """Return whether `tag`, which ends with a digest, names an image that was built from that."""
    content = (_tagged().get(tag, {}).get("Labels") or {}).get(labels.CONTENT, "")
    return bool(content) and tag.endswith(f"-{content}")


def tags_in_use() -> set[str]:
    """Return the tags that the stack's containers are made from, but for the one on standby."""
    ours = own_labels().items()
    found = [c["Labels"] or {} for c in _containers()]
    mine = (of for of in found if ours <= of.items() and labels.STANDBY not in of)
    return {of[labels.IMAGE] for of in mine if labels.IMAGE in of}


def _named(container: str) -> dict[str, Any]:
    """Return what the engine lists of the container of this name; nothing without one."""
    return next((c for c in _containers() if f"/{container}" in c["Names"]), {})


@cache  # one request: a listing takes longer the more containers there are
def _containers() -> list[dict[str, Any]]:
    try:
        with engine.client() as client:
            return list(client.api.containers(all=True))
    except engine.EngineError as error:
        pulumi.log.warn(f"Changes made outside of Pulumi are not shown: {error}")
        return []


@cache
def _tagged() -> dict[str, dict[str, Any]]:
    try:
        with engine.client() as client:
            images: list[dict[str, Any]] = client.api.images()
    except engine.EngineError as error:
        if not pulumi.runtime.is_dry_run():  # images that are not found would be removed
            raise pulumi.RunError(f"nothing is changed, {error}") from None
        pulumi.log.warn(f"Tags that name another image now are not shown: {error}")
        return {}
    return {tag: image for image in images for tag in image["RepoTags"] or ()}
