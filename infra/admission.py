"""Refuses settings that do not fit the services' folders, the engine or the swarm."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pulumi

from infra import bases, content, drift, preflight, secret_files, sources
from infra.engine import EngineError, TooOldError
from infra.settings import Settings
from infra.swarm import nodes, obstacles
from topology import Service

CONTENT = ("services", "frontend", "nginx")
# SELinux's attribute of a file, and its type for what containers may read.
LABEL, READABLE = "security.selinux", b"container_file_t"


class Refused(pulumi.RunError):
    """Ends the program without a traceback, with a line for each error."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(["the configuration is refused:", *lines]))
        self.lines = list(lines)


def admit(settings: Settings, labels: dict[str, str]) -> Settings:
    """Return the settings, with the addresses and the base images that are on the engine.

    Raises Refused.
    """
    _refuse([*without_folder(settings.replicas), *closed(sources.ROOT)])
    _refuse(secret_files.unprotected(settings))
    try:
        settings = _on_engine(settings, labels)
    except TooOldError as error:
        raise Refused([f"docker:host: {error}"]) from None
    tags = drift.tags()
    return replace(
        settings,
        python_image=bases.on_engine(settings.python_image, tags),
        nginx_image=bases.on_engine(settings.nginx_image, tags),
    )


def _on_engine(settings: Settings, labels: dict[str, str]) -> Settings:
    if settings.swarm:
        _refuse(_on_a_swarm(settings, labels))
        return settings
    inventory = _inventory(labels)
    if inventory is None:
        return settings
    for name in sorted(inventory.by_hand.intersection(settings.containers)):
        pulumi.log.warn(f"{name} was made by hand: `pulumi up --refresh` makes its own instead.")
    _refuse(preflight.conflicts(settings, inventory))
    if inventory.selinux and not settings.production:
        _refuse(confined(sources.ROOT))
    there = inventory.addresses.get(str(settings.subnets[0]), {})
    settings = replace(settings, on_network=there)
    try:
        _ = settings.addresses  # computed here, once
    except ValueError as error:
        raise Refused([f"subnet: {error}; set a larger one"]) from None
    return settings


def without_folder(services: Iterable[Service]) -> list[str]:
    """Return a line for each row of the table whose service has no sources."""
    return [
        f"topology.py: {service.name!r} has no folder services/{service.name} with an app.py "
        "or a Dockerfile; make one, or take the row out"
        for service in services
        if sources.missing(service.name)
    ]


def closed(root: Path) -> list[str]:
    """Return a line for each folder with a file that the users of containers cannot read."""
    found = ((folder, content.unreadable(root / folder)) for folder in CONTENT)
    return [
        f"{path.relative_to(root)}: containers run as users who cannot read it; "
        f"run chmod -R o+rX {folder}"
        for folder, path in found
        if path
    ]


def confined(root: Path) -> list[str]:
    """Return a line if SELinux keeps containers from reading the folders that they mount."""
    if sys.platform != "linux":  # the engine is in a virtual machine, which labels them itself
        return []
    folders = [folder for folder in CONTENT if LABEL in os.listxattr(root / folder)]
    kept = [folder for folder in folders if READABLE not in os.getxattr(root / folder, LABEL)]
    command = f"chcon -Rt {READABLE.decode()} {' '.join(kept)}"
    return (
        [f"{', '.join(kept)}: SELinux lets no container read this; run {command}"] if kept else []
    )


def _refuse(lines: list[str]) -> None:
    if lines:
        raise Refused(lines)


def _on_a_swarm(settings: Settings, labels: dict[str, str]) -> list[str]:
    try:
        return obstacles.conflicts(settings, nodes.inventory(), labels)
    except EngineError as error:
        return [f"docker:host: no manager of a swarm answers: {error}"]


def _inventory(labels: dict[str, str]) -> preflight.Inventory | None:
    """Return what the engine has, or None in a preview without an engine, which then shows less."""
    try:
        return preflight.take_inventory(labels)
    except EngineError as error:
        if not pulumi.runtime.is_dry_run():
            raise Refused([f"docker:host: nothing is changed, {error}"]) from None
        pulumi.log.warn(f"Ports and names were not checked: {error}")
        return None
