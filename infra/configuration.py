"""The stack's configuration as the engine hands it over, checked before anything is declared."""

import sys
from collections.abc import Iterable
from pathlib import Path

import docker
import pulumi
from pulumi.runtime.config import get_config_env

from infra import nodes, preflight
from infra.settings import Settings, SettingsError, parse
from topology import Service

SERVICES = Path(__file__).resolve().parent.parent / "services"


def load(services: Iterable[Service], labels: dict[str, str]) -> Settings:
    """The stack's Settings; ends the program with every error named when any key is wrong."""
    services = tuple(services)
    namespace = f"{pulumi.get_project()}:"
    config = {
        key.removeprefix(namespace): str(value)
        for key, value in get_config_env().items()
        if key.startswith(namespace)
    }
    try:
        settings = parse(config, services)
        _check(settings, labels)
    except SettingsError as error:
        for line in str(error).splitlines():
            pulumi.log.error(f"{namespace}{line}")
        sys.exit(1)
    return settings


def _check(settings: Settings, labels: dict[str, str]) -> None:
    if found := without_folder(settings.replicas):
        raise SettingsError("\n".join(found))
    if found := (_on_a_swarm if settings.swarm else _on_an_engine)(settings, labels):
        raise SettingsError("\n".join(found))


def without_folder(services: Iterable[Service]) -> list[str]:
    """A line for each row of the table that there is nothing to build from."""
    return [
        f"topology.py: {service.name!r} has no folder services/{service.name} with a Dockerfile; "
        "make it, or take the row out"
        for service in services
        if not (SERVICES / service.name / "Dockerfile").is_file()
    ]


# A time-out of the engine's client is an OSError.
def _on_a_swarm(settings: Settings, labels: dict[str, str]) -> list[str]:
    try:
        return nodes.conflicts(settings, nodes.inventory(), labels)
    except (docker.errors.DockerException, OSError) as error:
        return [f"docker:host: no manager of a swarm answers: {error}"]


def _on_an_engine(settings: Settings, labels: dict[str, str]) -> list[str]:
    try:
        inventory = preflight.take_inventory(labels)
    except (docker.errors.DockerException, OSError) as error:
        pulumi.log.warn(f"Ports and names were not checked, no Docker engine answers: {error}")
        return []
    for name in sorted(inventory.by_hand.intersection(settings.containers)):
        pulumi.log.warn(f"{name} was made by hand: `pulumi up --refresh` makes its own instead.")
    return preflight.conflicts(settings, inventory)
