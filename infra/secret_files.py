"""The secrets of a service as files, which the state holds encrypted and an image does not hold."""

import os
from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from infra import containers, sources
from infra.settings import DEVELOPMENT, Settings
from topology import Service

FOLDER = "/run/secrets"  # where the chassis reads them
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105  the name of the variable


def mounted(
    service: Service, settings: Settings, image: docker.RemoteImage, *, parent: pulumi.Resource
) -> Sequence[docker.ContainerVolumeArgs]:
    """Declare a container that never starts and whose volume has the files; return the volume.

    A changed secret makes a new container, and so replaces those that mount its volume.
    """
    values = settings.secrets[service.name]
    if not values:
        return ()
    holder = containers.holder(
        f"{service.name}-secrets",
        {f"{FOLDER}/{name}": value for name, value in values.items()},
        settings=settings,
        image=image,
        mount=docker.ContainerMountArgs(type="volume", target=FOLDER),
        user=containers.SERVICE_USER,
        limits=settings.limits[service.name],
        parent=parent,
    )
    return [docker.ContainerVolumeArgs(from_container=holder.id, read_only=True)]


def unprotected(settings: Settings) -> list[str]:
    """Return a line if secrets are encrypted with an empty passphrase; in development, warn."""
    has_secrets = any(settings.secrets.values()) or bool(settings.tls.key)
    if not has_secrets or not _passphrase_is_empty():
        return []
    line = (
        f"{PASSPHRASE}: it is empty, so anyone who reads the stack's file reads its secrets; "
        f"pulumi stack change-secrets-provider passphrase --stack {pulumi.get_stack()} asks for "
        "one, then export it as this variable"
    )
    if settings.mode == DEVELOPMENT:
        pulumi.log.warn(line)
        return []
    return [line]


def _passphrase_is_empty() -> bool:
    if os.environ.get(PASSPHRASE) or os.environ.get(f"{PASSPHRASE}_FILE"):
        return False
    file = sources.ROOT / f"Pulumi.{pulumi.get_stack()}.yaml"
    # A stack whose secrets are encrypted by a cloud's key has no salt in its file.
    return file.exists() and "encryptionsalt:" in file.read_text()
