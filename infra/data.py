"""The volumes with a service's data, which outlive its containers and its stack."""

import pulumi
import pulumi_docker as docker

from infra.settings import Settings
from infra.stack import labelled
from topology import Service


def mounts(
    service: Service, settings: Settings, *, parent: pulumi.Resource
) -> list[docker.ContainerMountArgs]:
    """Declare the volumes of a service. A destroy keeps them, and the next `up` uses them."""
    return [
        docker.ContainerMountArgs(
            type="volume", target=folder, source=_volume(service, name, settings, parent).name
        )
        for name, folder in service.volumes.items()
    ]


def full_name(service: Service, volume: str, settings: Settings) -> str:
    return f"{settings.name_prefix}{service.name}-{volume}"


def _volume(
    service: Service, name: str, settings: Settings, parent: pulumi.Resource
) -> docker.Volume:
    return docker.Volume(
        f"{service.name}-{name}",
        name=full_name(service, name, settings),
        labels=labelled(docker.VolumeLabelArgs),
        opts=pulumi.ResourceOptions(parent=parent, retain_on_delete=True),
    )
