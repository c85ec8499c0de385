"""What every container has: hardening, limits, a health check, and time to stop."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_docker as docker

from infra import calls, drift, health, labels, nginx, process_limit, sources, timeouts
from infra.content import digest
from infra.settings import Limits, Settings
from infra.stack import labelled
from topology import Service

SERVICE_USER, GATEWAY_USER = "10001:10001", "10002:10002"  # the USER of their Dockerfiles
# Its memory is enough for the bodies of all requests that nginx.conf allows at once.
GATEWAY_LIMITS = Limits(memory=256)
# Megabytes: nginx.conf allows two workers 8192 connections each, and each takes 24 KB, as measured.
MEMORY_OF_TLS = 384
# The provider reports an update of these but does not apply it: the container must be replaced.
REPLACED_ON = ["healthcheck", "mounts", "init", "tmpfs", "cpuPeriod", "cpuQuota", "cpus"]
WRITABLE = {"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"}  # noqa: S108  the container's

_HARDENED: Mapping[str, Any] = {
    "read_only": True,
    "tmpfs": WRITABLE,
    "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"]),
    "security_opts": ["no-new-privileges:true"],
    "cpu_shares": 512,
}


def gateway_limits(services: Iterable[Service], *, secure: bool = False) -> Limits:
    memory = GATEWAY_LIMITS.memory + nginx.memory_of_bodies(services)
    return GATEWAY_LIMITS._replace(memory=memory + (MEMORY_OF_TLS if secure else 0))


def hardened(limits: Limits, settings: Settings) -> dict[str, Any]:
    return {
        **_HARDENED,
        "log_driver": settings.log_driver,
        "log_opts": dict(settings.log_options),
        "memory": limits.memory,
        "memory_swap": limits.memory,
        "cpus": f"{limits.cpus:g}" if limits.cpus else None,
    }


def environment(service: Service, settings: Settings) -> dict[str, str]:
    """Return the environment of a service: what its row and its stack say."""
    streams = {"PING_SECONDS": f"{timeouts.ping(service.timeout):g}"} if service.streams else {}
    return {
        "PORT": str(service.port),
        "GRACEFUL_SECONDS": str(timeouts.graceful(service.timeout)),
        **streams,
        **calls.environment(service),
        **settings.env[service.name],
    }


def container(  # noqa: PLR0913  one place says what a container here is
    name: str,
    *,
    settings: Settings,
    image: docker.RemoteImage,
    container: str,
    networks: list[docker.ContainerNetworksAdvancedArgs],
    ports: Mapping[int, int],
    folders: Mapping[str, str],
    probe: health.Probe,
    stop_seconds: int,
    streams: int = 0,
    domain: str = "",
    wait: bool = True,
    user: str,
    limits: Limits,
    mounts: Sequence[docker.ContainerMountArgs] = (),
    volumes: Sequence[docker.ContainerVolumeArgs] = (),
    envs: Sequence[str] = (),
    hosts: Sequence[docker.ContainerHostArgs] = (),
    command: list[str] | None = None,
    joins: docker.Container | None = None,
    sysctls: Mapping[str, str] | None = None,
    more_labels: Mapping[str, str] | None = None,
    grace_seconds: int = 0,
    is_watched: bool = True,
    opts: pulumi.ResourceOptions,
) -> docker.Container:
    """Declare a container. `folders` of the project are mounted: target -> folder.

    `wait`: whether it must become healthy. It has no network of its own if it `joins` that of
    another container. With `grace_seconds` Pulumi waits longer for its end than an engine that
    stops.
    """
    own_labels: dict[str, pulumi.Input[str]] = {
        labels.IMAGE: image.name,
        labels.PIDS_LIMIT: str(limits.processes),
        **(more_labels or {}),
    }
    if streams:
        own_labels[labels.STREAMS] = str(streams)
    if domain:
        own_labels[labels.DOMAIN] = domain
    if folders:
        own_labels[labels.MOUNTS] = "-".join(digest(sources.ROOT / f) for f in folders.values())
    return docker.Container(
        name,
        name=settings.name_prefix + container,
        hostname=None if joins else container,
        network_mode=joins.id.apply(lambda owner: f"container:{owner}") if joins else None,
        sysctls=dict(sysctls) if sysctls else None,
        image=image.name,
        envs=list(envs),
        hosts=list(hosts),
        user=user,
        command=command,
        ports=[
            docker.ContainerPortArgs(internal=inner, external=outer, ip=settings.bind_address)
            for inner, outer in sorted(ports.items())
        ],
        mounts=[*_binds(settings.name_prefix + container, folders), *mounts],
        volumes=list(volumes) or None,
        networks_advanced=networks,
        healthcheck=_health_check(probe, settings, is_watched=is_watched and settings.production),
        labels=labelled(docker.ContainerLabelArgs, **own_labels),
        wait=wait,
        wait_timeout=settings.wait_timeout if wait else None,
        restart="always",
        init=settings.production,
        # The first is for `docker stop` and an engine that ends, the second for Pulumi.
        stop_timeout=stop_seconds,
        destroy_grace_seconds=grace_seconds or stop_seconds,
        **hardened(limits, settings),
        opts=pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(
                delete_before_replace=True,
                replace_on_changes=REPLACED_ON,
                hooks=process_limit.limit_processes(),
            ),
            opts,
        ),
    )


def holder(  # noqa: PLR0913  as the one above
    name: str,
    files: Mapping[str, pulumi.Input[str]],
    *,
    settings: Settings,
    image: docker.RemoteImage,
    mount: docker.ContainerMountArgs,
    user: str,
    limits: Limits,
    parent: pulumi.Resource,
) -> docker.Container:
    """Declare a container that never starts, and puts files into the volume that it mounts.

    `files`: path -> content. The engine cannot copy files to a container whose file system is
    read-only.
    """
    return docker.Container(
        name,
        image=image.name,
        start=False,
        must_run=False,
        restart="no",
        network_mode="none",
        user=user,
        mounts=[mount],
        uploads=[
            docker.ContainerUploadArgs(file=path, content=pulumi.Output.secret(content))
            for path, content in sorted(files.items())
        ],
        labels=labelled(docker.ContainerLabelArgs),
        **{**hardened(limits, settings), "read_only": False},
        # The provider's own choice would delete it first, and with it those that use its volume.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=False),
    )


def _binds(container: str, folders: Mapping[str, str]) -> list[docker.ContainerMountArgs]:
    mounted = {
        target: drift.mounted(container, target, sources.ROOT / folder)
        for target, folder in folders.items()
    }
    return [
        docker.ContainerMountArgs(type="bind", target=target, source=str(source), read_only=True)
        for target, source in sorted(mounted.items())
    ]


def _health_check(
    probe: health.Probe, settings: Settings, *, is_watched: bool
) -> docker.ContainerHealthcheckArgs:
    return docker.ContainerHealthcheckArgs(
        tests=health.command(probe, is_watched=is_watched),
        interval=health.interval(len(settings.containers), is_watched=is_watched),
        timeout=f"{health.TIMEOUT_SECONDS}s",
        retries=health.RETRIES,
    )
