"""The secrets of a service as files, which the state holds encrypted and an image does not hold."""

import os
from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from infra import containers, sources
from infra.settings import DEVELOPMENT, Settings
from infra.stack import labelled
from topology import Service

FOLDER = "/run/secrets"  # where the chassis reads them
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105  the name of the variable


def mounted(
    service: Service, settings: Settings, image: docker.RemoteImage, *, parent: pulumi.Resource
) -> Sequence[docker.ContainerVolumeArgs]:
    """Declare a container that never starts and whose volume has the files; return the volume.

    The engine cannot copy files to a container whose file system is read-only. A changed secret
    makes a new container, and so replaces those that mount its volume.
    """
    values = settings.secrets[service.name]
    if not values:
        return ()
    holder = docker.Container(
        f"{service.name}-secrets",
        image=image.name,
        start=False,
        must_run=False,
        restart="no",
        network_mode="none",
        user=containers.SERVICE_USER,
        mounts=[docker.ContainerMountArgs(type="volume", target=FOLDER)],
        uploads=[
            docker.ContainerUploadArgs(file=f"{FOLDER}/{name}", content=pulumi.Output.secret(value))
            for name, value in sorted(values.items())
        ],
        labels=labelled(docker.ContainerLabelArgs),
        **{**containers.hardened(settings.limits[service.name], settings), "read_only": False},
        # The provider's own choice would delete it first, and all replicas with it.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=False),
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
