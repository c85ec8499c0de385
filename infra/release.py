"""The release command of a service, such as a migration, in a container that runs once."""

from collections.abc import Sequence
from functools import cache

import pulumi
import pulumi_docker as docker

from infra import containers, networks, rollout
from infra.hooks import hook
from infra.settings import Settings
from infra.stack import labelled
from topology import Service

LIMIT = "10m"


def run(  # noqa: PLR0913  it has what the service's containers have
    service: Service,
    *,
    settings: Settings,
    image: docker.RemoteImage,
    network: docker.Network,
    way_out: Sequence[docker.ContainerNetworksAdvancedArgs],
    hosts: Sequence[docker.ContainerHostArgs],
    envs: Sequence[str],
    secrets: Sequence[docker.ContainerVolumeArgs],
    parent: pulumi.Resource,
) -> Sequence[pulumi.Resource]:
    """Declare the container, if there is such a command; replicas wait until it has succeeded.

    If it fails, the update ends, and no replica is touched. It runs again when the image, the
    environment or a secret changes.
    """
    if not service.release_command:
        return ()
    name = settings.releases[service.name]
    released = docker.Container(
        f"{service.name}-release",
        name=settings.name_prefix + name,
        image=image.name,
        command=list(service.release_command),
        user=containers.SERVICE_USER,
        envs=list(envs),
        hosts=list(hosts),
        networks_advanced=[
            networks.attach(network, [name], settings.addresses[name]),
            *way_out,
        ],
        volumes=list(secrets) or None,
        restart="no",
        must_run=False,
        attach=True,
        labels=labelled(docker.ContainerLabelArgs),
        **containers.hardened(settings.limits[service.name], settings),
        opts=pulumi.ResourceOptions(
            parent=parent,
            delete_before_replace=True,
            # A roll-back runs none: data does not go back, and an older command may not know it.
            ignore_changes=["image"] if settings.tags else None,
            custom_timeouts=pulumi.CustomTimeouts(create=LIMIT),
            hooks=_hooks(),
        ),
    )
    return [released]


@cache  # Pulumi refuses a second hook of the same name
def _hooks() -> pulumi.ResourceHookBinding:
    def check(args: pulumi.ResourceHookArgs) -> None:
        name = (args.new_outputs or {})["name"]
        rollout.check_ended(name, f"{name} did not succeed, so nothing of its service is replaced.")

    return pulumi.ResourceHookBinding(
        before_create=rollout.container_hooks().before_create,
        after_create=[hook("released", check)],
    )
