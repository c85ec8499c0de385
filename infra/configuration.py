"""The stack's configuration as the engine hands it over, checked before anything is declared."""

import sys
from collections.abc import Iterable
from dataclasses import replace

import pulumi
from pulumi.runtime.config import get_config_env

from infra import preflight, sources
from infra.engine import EngineError
from infra.settings import Settings, SettingsError, parse
from infra.swarm import nodes, obstacles
from topology import Service


def read() -> dict[str, str]:
    """Return the stack's own keys, without the project's namespace."""
    namespace = f"{pulumi.get_project()}:"
    return {
        key.removeprefix(namespace): str(value)
        for key, value in get_config_env().items()
        if key.startswith(namespace)
    }


def load(services: Iterable[Service], labels: dict[str, str]) -> Settings:
    """The stack's Settings; ends the program with every error named when any key is wrong."""
    try:
        return _checked(parse(read(), tuple(services)), labels)
    except SettingsError as error:
        for line in str(error).splitlines():
            pulumi.log.error(f"{pulumi.get_project()}:{line}")
        sys.exit(1)


def _checked(settings: Settings, labels: dict[str, str]) -> Settings:
    """The settings, with the addresses that containers on the engine have."""
    _refuse(without_folder(settings.replicas))
    if settings.swarm:
        _refuse(_on_a_swarm(settings, labels))
        return settings
    inventory = _inventory(labels)
    if inventory is None:
        return settings
    for name in sorted(inventory.by_hand.intersection(settings.containers)):
        pulumi.log.warn(f"{name} was made by hand: `pulumi up --refresh` makes its own instead.")
    _refuse(preflight.conflicts(settings, inventory))
    there = inventory.addresses.get(str(settings.subnets[0]), {})
    settings = replace(settings, on_network=there)
    try:
        _ = settings.addresses  # computed here, once
    except ValueError as error:
        raise SettingsError(f"subnet: {error}; set a larger one") from None
    return settings


def _refuse(lines: list[str]) -> None:
    if lines:
        raise SettingsError("\n".join(lines))


def without_folder(services: Iterable[Service]) -> list[str]:
    """A line for each row of the table that there is nothing to build from."""
    return [
        f"topology.py: {service.name!r} has no folder services/{service.name} with an app.py "
        "or a Dockerfile; make one, or take the row out"
        for service in services
        if sources.missing(service.name)
    ]


def _on_a_swarm(settings: Settings, labels: dict[str, str]) -> list[str]:
    try:
        return obstacles.conflicts(settings, nodes.inventory(), labels)
    except EngineError as error:
        return [f"docker:host: no manager of a swarm answers: {error}"]


def _inventory(labels: dict[str, str]) -> preflight.Inventory | None:
    """What the engine has; None where none answers a preview, which then shows less."""
    try:
        return preflight.take_inventory(labels)
    except EngineError as error:
        if not pulumi.runtime.is_dry_run():
            raise SettingsError(f"docker:host: nothing is changed, {error}") from None
        pulumi.log.warn(f"Ports and names were not checked: {error}")
        return None
