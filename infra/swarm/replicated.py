"""The web service and the gateway as swarm services: images in a registry, replicas on nodes."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_docker as docker

from infra import containers, health, images, sources, timeouts
from infra.health import Probe
from infra.settings import Limits, Settings
from infra.stack import labelled
from infra.swarm import failures, mounts, nodes, obstacles
from infra.target import ServiceParts
from topology import GATEWAY, Service

DRAIN_SECONDS = 3
# A replica that is told to stop serves on for that long: gateways still send it requests. A
# service with its own Dockerfile has to do that itself.
DRAINED = f"trap 'sleep {DRAIN_SECONDS}; kill $!' TERM; {' '.join(sources.RUN)} & wait $!; wait $!"
MEBIBYTE = 1024 * 1024
_TMP = docker.ServiceTaskSpecContainerSpecMountArgs(
    type="tmpfs",
    target="/tmp",  # noqa: S108  the container's
    tmpfs_options=docker.ServiceTaskSpecContainerSpecMountTmpfsOptionsArgs(
        size_bytes=16 * MEBIBYTE, mode=0o777
    ),
)
RESTART = docker.ServiceTaskSpecRestartPolicyArgs(condition="any", delay="1s", window="0s")


def network(settings: Settings, opts: pulumi.ResourceOptions | None = None) -> docker.Network:
    return docker.Network(
        "deploy",
        name=settings.network_name,
        driver="overlay",
        options={"encrypted": ""} if settings.encrypt_network else {},
        ipam_configs=[
            docker.NetworkIpamConfigArgs(
                subnet=str(settings.subnet), gateway=str(settings.subnet[1])
            )
        ],
        labels=labelled(docker.NetworkLabelArgs),
        # The swarm adds an option, which would be drift for ever; obstacles.py checks ours.
        opts=pulumi.ResourceOptions.merge(pulumi.ResourceOptions(ignore_changes=["options"]), opts),
    )


class WebService(pulumi.ComponentResource):
    """A service of the table: its image in the registry, its replicas, reached by its name."""

    def __init__(
        self,
        service: Service,
        *,
        settings: Settings,
        network: docker.Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("microservices:index:WebService", service.name, None, opts)
        self.image = images.of_service(service, settings, parent=self)
        self.images = {service.name: self.image}
        source = sources.of(service.name, settings.python_image)
        self.replicated = _service(
            service.name,
            name=settings.name_prefix + service.container,
            image=_for_every_node(service.name, self.image, settings, parent=self),
            settings=settings,
            network=network,
            names=[service.container, service.name],
            replicas=settings.counts[service.name],
            # The new replica serves before the old one is told to stop, unless both would write.
            order="stop-first" if service.volumes else "start-first",
            ports=[],
            probe=health.of(service),
            user=containers.SERVICE_USER,
            env={**containers.environment(service, settings), **_for_streams(service)},
            mounts=mounts.volumes(service, settings),
            secrets=mounts.secrets(service, settings, parent=self),
            limits=settings.limits[service.name],
            stop_seconds=service.streams + timeouts.stop(service.timeout),
            command=["bash", "-c", DRAINED] if source.on_chassis else None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        address = settings.gateway_url(nodes.inventory().address, service.host)
        self.url = f"{address}{service.prefix}" if service.prefix else ""
        self.replicas = [self.replicated]
        self.register_outputs({"url": self.url})

    def summary(self) -> dict[str, pulumi.Input[str]]:
        return {"container": self.replicated.name, "image": self.image.name, "url": self.url}


class Gateway(pulumi.ComponentResource):
    """nginx with the page on every node that may have one, each at the node's own port."""

    def __init__(
        self,
        *,
        services: Mapping[str, ServiceParts],
        settings: Settings,
        network: docker.Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("microservices:index:Gateway", GATEWAY, None, opts)
        self.image = images.of_gateway(GATEWAY, "whole", settings, parent=self)
        self.images = {GATEWAY: self.image}
        self.swarm_service = _service(
            GATEWAY,
            name=f"{settings.name_prefix}{GATEWAY}",
            image=_for_every_node(GATEWAY, self.image, settings, parent=self),
            settings=settings,
            network=network,
            names=[GATEWAY],
            replicas=len(nodes.matching(nodes.inventory(), settings.placement[GATEWAY])),
            # Only one process can have the node's port: the old gateway stops first.
            order="stop-first",
            ports=[
                docker.ServiceEndpointSpecPortArgs(
                    target_port=inner, published_port=outer, publish_mode="host"
                )
                for inner, outer in settings.gateway_ports.items()
            ],
            secrets=mounts.certificate(settings, parent=self),
            probe=Probe(80, "/gateway-health"),
            user=containers.GATEWAY_USER,
            env=None,
            stop_seconds=timeouts.stop(timeouts.longest(settings.served)),
            command=None,
            limits=containers.gateway_limits(settings.served, secure=settings.secure),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[one for s in services.values() for one in s.replicas]
            ),
        )
        self.url = settings.gateway_url(nodes.inventory().address)
        self.register_outputs({"url": self.url})


def _for_streams(service: Service) -> dict[str, str]:
    """Return how long the replica waits for its streams, as no gateway does it here."""
    return {"STREAM_SECONDS": str(service.streams)} if service.streams else {}


def _for_every_node(
    name: str, image: docker.RemoteImage, settings: Settings, *, parent: pulumi.Resource
) -> pulumi.Output[str]:
    """Push an image and return its name by digest, so that all nodes run the same image.

    Without a registry the swarm has one node, which has the image: then return its ID.
    """
    if not settings.registry:
        return image.image_id
    anonymous = docker.RegistryImageAuthConfigArgs(address=obstacles.registry_host(settings))
    pushed = docker.RegistryImage(
        name,
        name=image.name,
        keep_remotely=True,  # a node that joins, or a roll-back, may need an older one
        auth_config=None if obstacles.has_credentials() else anonymous,
        triggers={"image": image.image_id},
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return pulumi.Output.concat(image.name, "@", pushed.sha256_digest)


def _service(  # noqa: PLR0913  one place says what a service of the swarm here is
    resource: str,
    *,
    name: str,
    image: pulumi.Output[str],
    settings: Settings,
    network: docker.Network,
    names: Sequence[str],
    replicas: int,
    order: str,
    ports: list[docker.ServiceEndpointSpecPortArgs],
    probe: Probe,
    user: str,
    env: dict[str, str] | None,
    stop_seconds: int,
    command: list[str] | None,
    limits: Limits,
    mounts: Sequence[docker.ServiceTaskSpecContainerSpecMountArgs] = (),
    secrets: Sequence[docker.ServiceTaskSpecContainerSpecSecretArgs] = (),
    opts: pulumi.ResourceOptions,
) -> docker.Service:
    grace = DRAIN_SECONDS + stop_seconds  # from SIGTERM to SIGKILL
    turn = max(settings.wait_timeout, grace)  # what one replica may take
    return docker.Service(
        resource,
        name=name,
        task_spec=docker.ServiceTaskSpecArgs(
            container_spec=docker.ServiceTaskSpecContainerSpecArgs(
                image=image,
                user=user,
                env=env,
                commands=command,
                healthcheck=_health_check(probe),
                stop_grace_period=f"{grace}s",
                labels=labelled(docker.ServiceTaskSpecContainerSpecLabelArgs),
                mounts=[_TMP, *mounts],
                secrets=list(secrets) or None,
                read_only=True,
                cap_drops=["ALL"],
            ),
            networks_advanceds=[
                docker.ServiceTaskSpecNetworksAdvancedArgs(
                    id=network.id, aliases=sorted(set(names))
                )
            ],
            placement=_spread(settings.placement[resource]),
            resources=_resources(limits),
            restart_policy=RESTART,
            log_driver=docker.ServiceTaskSpecLogDriverArgs(
                name=settings.log_driver, options=dict(settings.log_options)
            ),
        ),
        mode=docker.ServiceModeArgs(replicated=docker.ServiceModeReplicatedArgs(replicas=replicas)),
        # DNS returns the replicas' own addresses: nginx balances, and retries on the next.
        endpoint_spec=docker.ServiceEndpointSpecArgs(mode="dnsrr", ports=ports),
        labels=labelled(docker.ServiceLabelArgs),
        **_rollout(order, seconds=turn * (replicas + 1)),
        opts=pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(
                delete_before_replace=True,  # for another network or name; all else is updated
                # The manager adds the platforms that the registry names for the image.
                ignore_changes=["taskSpec.placement.platforms"],
                hooks=failures.show(),
            ),
            opts,
        ),
    )


def _health_check(probe: Probe) -> docker.ServiceTaskSpecContainerSpecHealthcheckArgs:
    return docker.ServiceTaskSpecContainerSpecHealthcheckArgs(
        tests=health.command(probe, is_watched=False),
        interval="2s",
        timeout=f"{health.TIMEOUT_SECONDS}s",
        retries=health.RETRIES,
    )


def _spread(constraints: Sequence[str]) -> docker.ServiceTaskSpecPlacementArgs:
    return docker.ServiceTaskSpecPlacementArgs(
        constraints=list(constraints), prefs=["spread=node.id"]
    )


def _resources(limits: Limits) -> docker.ServiceTaskSpecResourcesArgs:
    return docker.ServiceTaskSpecResourcesArgs(
        limits=docker.ServiceTaskSpecResourcesLimitsArgs(
            memory_bytes=limits.memory * MEBIBYTE, nano_cpus=int((limits.cpus or 1) * 1e9)
        ),
        reservation=docker.ServiceTaskSpecResourcesReservationArgs(
            memory_bytes=32 * MEBIBYTE, nano_cpus=50_000_000
        ),
    )


def _rollout(order: str, *, seconds: int) -> dict[str, Any]:
    """One task after the other, and back to the version before when one fails."""
    return {
        "update_config": docker.ServiceUpdateConfigArgs(
            parallelism=1, order=order, monitor="5s", failure_action="rollback"
        ),
        "rollback_config": docker.ServiceRollbackConfigArgs(
            parallelism=1, order=order, monitor="5s", failure_action="pause"
        ),
        "converge_config": docker.ServiceConvergeConfigArgs(delay="1s", timeout=f"{seconds}s"),
    }
