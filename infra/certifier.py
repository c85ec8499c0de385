"""What gives the gateway its certificate, on one engine: a volume that the gateway mounts.

With `acme` a container asks the CA and fills it (certificates/renew.py). With `files` the stack's
configuration has the certificate, and a container that never starts carries it in. A changed
certificate is a reload of nginx, not a new gateway.
"""

import pulumi
import pulumi_docker as docker

from infra import containers, images, rollout
from infra.health import Probe
from infra.settings import ACME, FILES, Limits, Settings
from infra.stack import labelled
from topology import CERTIFIER

FOLDER = "/certificates"
SERVED = f"{FOLDER}/site.pem"
# It prints how the certificate stands; `make status` shows it.
_STATE = f"cat {FOLDER}/good 2>/dev/null || ! cat {FOLDER}/bad"
_PROBE = Probe(0, "", ("bash", "-c", _STATE))
_LIMITS = Limits(memory=128)
_STOP_SECONDS = 5


def mounted(
    settings: Settings, image: docker.RemoteImage, *, parent: pulumi.Resource
) -> list[docker.ContainerMountArgs]:
    """Declare the volume, with a certificate from the configuration; return the gateway's mount.

    `image`: one with the folder.
    """
    if not settings.secure:
        return []
    volume = docker.Volume(
        _volume(settings),
        name=f"{settings.name_prefix}{_volume(settings)}",
        labels=labelled(docker.VolumeLabelArgs),
        opts=pulumi.ResourceOptions(parent=parent, retain_on_delete=settings.tls.source == ACME),
    )
    if settings.tls.source == FILES:
        containers.holder(
            "frontend-certificate",
            {SERVED: site(settings)},
            settings=settings,
            image=image,
            mount=_mount(volume.name, read_only=None),
            user=containers.GATEWAY_USER,
            limits=_LIMITS,
            parent=parent,
        )
    return [_mount(volume.name, read_only=True)]


def ask_the_ca(
    settings: Settings,
    way_out: docker.ContainerNetworksAdvancedArgs,
    *,
    gateway: docker.Container,
    parent: pulumi.Resource,
) -> dict[str, docker.RemoteImage]:
    """Declare the container that asks the CA, after the gateway, by which the CA asks back.

    `way_out`: the network by which the CA is reached. Returns its image by its name.
    """
    if settings.tls.source != ACME:
        return {}
    image = images.of_certifier(settings, parent=parent)
    asked = {
        "NAMES": " ".join(settings.host_names),
        "EMAIL": settings.tls.email,
        "DIRECTORY": settings.tls.directory,
        "ROOT_CERTIFICATE": settings.tls.root,
    }
    containers.container(
        CERTIFIER,
        settings=settings,
        image=image,
        container=CERTIFIER,
        networks=[way_out],
        ports={},
        folders={},
        mounts=[_mount(f"{settings.name_prefix}{_volume(settings)}", read_only=None)],
        envs=[f"{key}={value}" for key, value in asked.items() if value],
        probe=_PROBE,
        wait=False,  # the site is up, whatever the CA says
        stop_seconds=_STOP_SECONDS,
        user=containers.GATEWAY_USER,
        limits=_LIMITS,
        opts=pulumi.ResourceOptions(
            parent=parent, depends_on=[gateway], hooks=rollout.container_hooks()
        ),
    )
    return {CERTIFIER: image}


def site(settings: Settings) -> pulumi.Output[str]:
    """Return the certificate with its key, as nginx reads them from one file."""
    return pulumi.Output.secret(f"{settings.tls.certificate}\n{settings.tls.key}\n")


def _volume(settings: Settings) -> str:
    return "certificates" if settings.tls.source == ACME else "certificate"


def _mount(volume: pulumi.Input[str], *, read_only: bool | None) -> docker.ContainerMountArgs:
    return docker.ContainerMountArgs(
        type="volume", target=FOLDER, source=volume, read_only=read_only
    )
