"""A web service and the gateway, each an image and its containers on one Docker engine."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_docker as docker

from infra import (
    addresses,
    certifier,
    containers,
    data,
    health,
    images,
    labels,
    networks,
    release,
    rollout,
    secret_files,
    sources,
    standby,
    timeouts,
)
from infra.content import DIGEST_LENGTH
from infra.health import Probe
from infra.networks import network
from infra.settings import Limits, Settings
from infra.stack import labelled
from infra.target import ServiceParts
from topology import CERTIFIER, GATEWAY, PUBLISHER, Service

__all__ = ["Gateway", "WebService", "network"]  # what a target has
_PUBLISHER_LIMITS = Limits(memory=Service.memory)


class WebService(pulumi.ComponentResource):
    """A service of the table: its image and its replicas.

    They are replaced one after the other, and made at the same time where there were none.
    """

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
        host_port = settings.host_ports[service.name]
        live = not settings.production
        environment = containers.environment(service, settings).items()
        envs = [f"{key}={value}" for key, value in environment]
        mounts = data.mounts(service, settings, parent=self)
        secrets = secret_files.mounted(service, settings, self.image, parent=self)
        way_out = networks.way_out(service, settings, parent=self)
        hosts = _known_hosts(service, settings)
        released = release.run(
            service,
            settings=settings,
            image=self.image,
            network=network,
            way_out=way_out,
            hosts=hosts,
            envs=envs,
            secrets=secrets,
            parent=self,
        )
        self.replicas: list[docker.Container] = []
        is_running = settings.is_running(service)
        for number, replica in enumerate(settings.replicas[service], start=1):
            container = containers.container(
                service.name if number == 1 else f"{service.name}-{number}",
                settings=settings,
                image=self.image,
                container=replica,
                networks=[
                    networks.attach(network, [replica, service.name], settings.addresses[replica]),
                    *way_out,
                ],
                ports={service.port: host_port} if live and host_port else {},
                folders=source.mounts if live else {},
                mounts=mounts,
                volumes=secrets,
                command=sources.RUN_LIVE if live and source.on_chassis else None,
                probe=health.of(service),
                hosts=hosts,
                envs=envs,
                stop_seconds=timeouts.stop(service.timeout),
                streams=service.streams,
                user=containers.SERVICE_USER,
                limits=settings.limits[service.name],
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=(self.replicas[-1:] if is_running else []) or released,
                    hooks=rollout.replica_hooks(service, settings),
                ),
            )
            self.replicas.append(container)
        self.url = _url(service, settings)
        self.register_outputs({"url": self.url})

    def summary(self) -> dict[str, pulumi.Input[str]]:
        return {"container": self.replicas[0].name, "image": self.image.name, "url": self.url}


class Gateway(pulumi.ComponentResource):
    """nginx with the page, and a route to each service of the table."""

    def __init__(
        self,
        *,
        services: Mapping[str, ServiceParts],
        settings: Settings,
        network: docker.Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("microservices:index:Gateway", GATEWAY, None, opts)
        self.settings = settings
        self.images: dict[str, docker.RemoteImage] = {}
        attached = [_at(network, 0, GATEWAY, settings)]
        mounts: list[docker.ContainerMountArgs] = []
        after: list[pulumi.Resource] = []
        outer = network
        if settings.production:
            outer = self._edge(after=network)
            attached.append(_at(outer, 1, GATEWAY, settings))
            mounts, after = self._published([one for s in services.values() for one in s.replicas])
        target = "gateway" if settings.production else "configured"
        image = images.of_gateway(GATEWAY, target, settings, parent=self)
        self.images[GATEWAY] = image
        mounts += certifier.mounted(settings, image, parent=self)
        declare = standby.nginx if settings.production else containers.container
        self.container = declare(
            GATEWAY,
            settings=settings,
            image=image,
            container=GATEWAY,
            networks=attached,
            ports=settings.gateway_ports,
            folders={} if settings.production else {"/frontend": "frontend", "/gateway": "nginx"},
            mounts=mounts,
            domain=settings.domain[0] if settings.secure else "",
            probe=Probe(80, "/gateway-health"),
            stop_seconds=timeouts.stop(timeouts.longest(settings.served)),
            user=containers.GATEWAY_USER,
            limits=containers.gateway_limits(settings.served, secure=settings.secure),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=after, hooks=rollout.container_hooks()
            ),
        )
        self.images |= certifier.ask_the_ca(
            settings,
            _at(outer, len(attached) - 1, CERTIFIER, settings),
            gateway=self.container,
            parent=self,
        )
        self.url = settings.gateway_url()
        self.register_outputs({"url": self.url})

    def _edge(self, *, after: docker.Network) -> docker.Network:
        """Declare the network that publishes the gateway: that of the services has no route out."""
        name, subnet = self.settings.networks[1], str(self.settings.subnets[1])
        # Before its change of mode, the stack's first network may have this one's addresses.
        opts = pulumi.ResourceOptions(parent=self, depends_on=[after])
        return networks.bridge("edge", name, subnet, opts=opts)

    def _published(
        self, replicas: Sequence[pulumi.Resource]
    ) -> tuple[list[docker.ContainerMountArgs], list[pulumi.Resource]]:
        """Declare the volume with the page and the configuration, and the container that fills it.

        A new version of either is then a reload of nginx, not a new container. The services are
        updated before the page, which may need their new version.
        """
        prefix = self.settings.name_prefix
        volume = docker.Volume(
            "site",
            name=f"{prefix}site",
            labels=labelled(docker.VolumeLabelArgs),
            opts=pulumi.ResourceOptions(parent=self),
        )
        image = images.of_gateway(PUBLISHER, "site", self.settings, parent=self)
        self.images[PUBLISHER] = image
        version = image.name.apply(lambda name: name[-DIGEST_LENGTH:])
        publisher = docker.Container(
            PUBLISHER,
            name=f"{prefix}{PUBLISHER}",
            image=image.name,
            user=containers.GATEWAY_USER,
            mounts=[_site(volume, read_only=None)],
            network_mode="none",
            restart="no",
            must_run=False,
            attach=True,
            labels=labelled(
                docker.ContainerLabelArgs, **{labels.VERSION: version, labels.IMAGE: image.name}
            ),
            **containers.hardened(_PUBLISHER_LIMITS, self.settings),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=replicas if self.settings.on_network else [],
                delete_before_replace=True,
                hooks=rollout.publication_hooks(prefix),
            ),
        )
        return [_site(volume, read_only=True)], [publisher]


def _url(service: Service, settings: Settings) -> str:
    """Return where clients reach the service; empty without a route."""
    if not service.prefix:
        return ""
    if settings.production or service.host:
        return f"{settings.gateway_url(host=service.host)}{service.prefix}"
    return f"http://{settings.bind_address}:{settings.host_ports[service.name]}"


def _known_hosts(service: Service, settings: Settings) -> list[docker.ContainerHostArgs]:
    """Return the gateway for a service that calls others: Docker's DNS takes seconds under load."""
    address = _address(GATEWAY, 0, settings)
    return [docker.ContainerHostArgs(host=GATEWAY, ip=address)] if service.calls else []


def _at(
    network: docker.Network, number: int, name: str, settings: Settings
) -> docker.ContainerNetworksAdvancedArgs:
    return networks.attach(network, [name], _address(name, number, settings))


def _address(name: str, number: int, settings: Settings) -> str:
    """Return the address on one of the stack's networks that is set aside for this container."""
    return str(settings.subnets[number][addresses.SET_ASIDE[name]])


def _site(volume: docker.Volume, *, read_only: bool | None) -> docker.ContainerMountArgs:
    return docker.ContainerMountArgs(
        type="volume", target="/site", source=volume.name, read_only=read_only
    )
