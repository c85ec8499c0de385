"""What a service of the swarm mounts: volumes of its node, and secrets of the swarm."""

import base64

import pulumi
import pulumi_docker as docker

from infra import certifier, data, secret_files
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
    """Return the mounts of a service's secrets."""
    return [
        _mounted(
            _secret(f"{service.name}-{name}", pulumi.Output.secret(value), parent),
            f"{secret_files.FOLDER}/{name}",
        )
        for name, value in sorted(settings.secrets[service.name].items())
    ]


def certificate(
    settings: Settings, *, parent: pulumi.Resource
) -> list[docker.ServiceTaskSpecContainerSpecSecretArgs]:
    """Return the mount of the gateway's certificate, if there is one."""
    if not settings.secure:
        return []
    return [_mounted(_secret("certificate", certifier.site(settings), parent), certifier.SERVED)]


def _secret(name: str, value: pulumi.Output[str], parent: pulumi.Resource) -> docker.Secret:
    """Declare a secret of the swarm. It cannot change one: another value is another secret."""
    return docker.Secret(
        name,
        data=value.apply(lambda text: base64.b64encode(text.encode()).decode()),
        labels=labelled(docker.SecretLabelArgs),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _mounted(secret: docker.Secret, path: str) -> docker.ServiceTaskSpecContainerSpecSecretArgs:
    return docker.ServiceTaskSpecContainerSpecSecretArgs(
        secret_id=secret.id, secret_name=secret.name, file_name=path, file_mode=0o444
    )
