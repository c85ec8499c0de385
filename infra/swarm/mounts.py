"""What a service of the swarm mounts: volumes of its node, and secrets of the swarm."""

import base64

import pulumi
import pulumi_docker as docker

from infra import data, secret_files
from infra.settings import Settings
from infra.stack import labelled
from topology import Service


def volumes(
    service: Service, settings: Settings
) -> list[docker.ServiceTaskSpecContainerSpecMountArgs]:
    """Return the mounts of a service's volumes, which its node makes and nothing removes."""
    return [
        docker.ServiceTaskSpecContainerSpecMountArgs(
            type="volume", target=folder, source=data.full_name(service, name, settings)
        )
        for name, folder in service.volumes.items()
    ]


def secrets(
    service: Service, settings: Settings, *, parent: pulumi.Resource
) -> list[docker.ServiceTaskSpecContainerSpecSecretArgs]:
    """Declare the swarm's secrets. The swarm cannot change one: another value is another secret."""
    made = {
        name: docker.Secret(
            f"{service.name}-{name}",
            data=pulumi.Output.secret(base64.b64encode(value.encode()).decode()),
            labels=labelled(docker.SecretLabelArgs),
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for name, value in sorted(settings.secrets[service.name].items())
    }
    return [
        docker.ServiceTaskSpecContainerSpecSecretArgs(
            secret_id=secret.id,
            secret_name=secret.name,
            file_name=f"{secret_files.FOLDER}/{name}",
            file_mode=0o444,
        )
        for name, secret in made.items()
    ]
