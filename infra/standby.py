"""The gateway of a production stack: a container with its network, and one with nginx beside it.

The first, `frontend` in `docker ps`, stays when nginx is replaced, and serves meanwhile.
"""

from functools import cache
from typing import Any

import pulumi
import pulumi_docker as docker

from infra import containers, drift, engine, images, labels, rollout
from infra.health import Probe
from infra.settings import Settings
from infra.stack import labelled
from topology import GATEWAY, NGINX

# Of nginx.conf: where only the nginx that serves listens.
HEALTH = Probe(8001, "/")
DRAINED = "/tmp/gateway"  # noqa: S108  the folder with infra.nginx.DRAINED
# The image of the standby is kept for as long as this is its label. Another number replaces the
# container, which is an outage of a second or two.
PROMISE = "1"
# nginx keeps a client's idle connection for 65 s, also when it ends.
GRACE_SECONDS = 70
MIGRATE = "net.ipv4.tcp_migrate_req"  # connections that the old nginx has not yet accepted
MIGRATES_SINCE = (5, 14)  # of Linux


def nginx(
    name: str,
    *,
    settings: Settings,
    image: docker.RemoteImage,
    mounts: list[docker.ContainerMountArgs],
    opts: pulumi.ResourceOptions,
    **whole: Any,  # noqa: ANN401  as containers.container has them
) -> docker.Container:
    """Declare the two containers in place of one. Return the one with the network and the port."""
    parent = opts.parent
    assert parent
    is_kept = drift.label(settings.name_prefix + GATEWAY, labels.STANDBY) == PROMISE
    first = images.of_standby("frontend-standby", settings, parent=parent, is_kept=is_kept)
    mounts = [*mounts, _drained(settings, parent)]
    owner = containers.container(
        name,
        settings=settings,
        image=first,
        mounts=mounts,
        command=["stand-by"],
        sysctls={MIGRATE: "1"} if _migrates() else None,
        more_labels={labels.STANDBY: PROMISE},
        is_watched=False,  # it may be the other container that does not answer
        opts=opts,
        **whole,
    )
    joined = {"container": NGINX, "networks": [], "ports": {}, "probe": HEALTH}
    containers.container(
        NGINX,
        settings=settings,
        image=image,
        mounts=mounts,
        command=["join"],
        joins=owner,
        grace_seconds=max(GRACE_SECONDS, whole["stop_seconds"]),
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[owner],
            hooks=rollout.take_over_hooks(settings.name_prefix),
        ),
        **whole | joined,
    )
    return owner


def _drained(settings: Settings, parent: pulumi.Resource) -> docker.ContainerMountArgs:
    """Declare the volume that tells both which replicas are drained. It ends with the engine."""
    user, _, group = containers.GATEWAY_USER.partition(":")
    volume = docker.Volume(
        "drained",
        name=f"{settings.name_prefix}drained",
        driver_opts={
            "type": "tmpfs",
            "device": "tmpfs",
            "o": f"size=64k,mode=0755,uid={user},gid={group},nosuid,nodev,noexec",
        },
        labels=labelled(docker.VolumeLabelArgs),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return docker.ContainerMountArgs(type="volume", target=DRAINED, source=volume.name)


@cache
def _migrates() -> bool:
    """Return whether the engine's kernel hands connections over."""
    try:
        with engine.client() as client:
            release = str(client.info()["KernelVersion"])
    except engine.EngineError:
        return True
    return can_migrate(release)


def can_migrate(release: str) -> bool:
    """Return whether a kernel of this release does, such as 6.1.0-13-amd64."""
    major, minor = release.split(".")[:2]
    return (int(major), int(minor)) >= MIGRATES_SINCE
