"""A web service and the gateway, each an image and its containers on one Docker engine."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker

from infra import addresses, drift, health, nginx, page, process_limit, rollout, sources
from infra.content import DIGEST_LENGTH, digest
from infra.settings import DEVELOPMENT, Settings
from topology import Service

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 12  # above the services' graceful time-out
SERVICE_USER, GATEWAY_USER = "10001:10001", "10002:10002"  # as their Dockerfiles have it
MEMORY = 128  # megabytes
GATEWAY_MEMORY = 256  # the bodies of all requests that nginx.conf allows at a time
# What each target of the gateway's image is made from.
GATEWAY_SOURCES = {
    "gateway": ("nginx/Dockerfile", "nginx/gateway", "nginx/publish"),
    "configured": ("nginx",),
    "whole": ("frontend", "nginx"),
    "site": ("frontend", "nginx"),
}
# The provider reports these as updated in place and leaves the container as it was.
REPLACED_ON = ["healthcheck", "mounts", "init", "tmpfs", "cpuPeriod", "cpuQuota"]
WRITABLE = {"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"}  # noqa: S108  the container's


class WebService(pulumi.ComponentResource):
    """A service of the table: its image and its replicas, replaced one after the other."""

    def __init__(self, service: Service, *, settings: Settings, network: docker.Network) -> None:
        super().__init__("microservices:index:WebService", service.name)
        self.image = service_image(service, settings, parent=self)
        source = sources.of(service.name, settings.python_image)
        host_port = settings.host_ports[service.name]
        self.containers: list[docker.Container] = []
        for number, replica in enumerate(settings.replicas[service], start=1):
            container = _container(
                service.name if number == 1 else f"{service.name}-{number}",
                settings=settings,
                image=self.image,
                container=replica,
                networks=[_attach(network, replica, settings.addresses[replica])],
                ports={} if settings.production else {service.port: host_port},
                mounts=[]
                if settings.production
                else _binds(settings.name_prefix + replica, source.mounts),
                contents=[] if settings.production else list(source.mounts.values()),
                command=sources.RUN_LIVE if source.on_chassis and not settings.production else None,
                healthcheck=_http_check(service.port, "/healthz", settings),
                envs=[f"PORT={service.port}"],
                user=SERVICE_USER,
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=self.containers[-1:],
                    hooks=rollout.replica_hooks(settings),
                ),
            )
            self.containers.append(container)
        self.url = (
            f"{gateway_url(settings.bind_address, settings)}{service.prefix}"
            if settings.production
            else f"http://{settings.bind_address}:{host_port}"
        )
        self.register_outputs({"url": self.url})

    def summary(self) -> dict[str, pulumi.Input[str]]:
        return {"container": self.containers[0].name, "image": self.image.name, "url": self.url}


class Gateway(pulumi.ComponentResource):
    """nginx with the page, and a route to each service of the table."""

    def __init__(
        self,
        *,
        services: Mapping[str, WebService],
        settings: Settings,
        network: docker.Network,
    ) -> None:
        super().__init__("microservices:index:Gateway", "frontend")
        self.settings = settings
        containers = [one for service in services.values() for one in service.containers]
        networks = [_attach(network, "frontend", str(settings.subnets[0][addresses.GATEWAY]))]
        if settings.production:
            networks.append(self._edge())
            self.image = gateway_image("frontend", "gateway", settings, parent=self)
            mounts, after = self._published(containers)
        else:
            self.image = gateway_image("frontend", "configured", settings, parent=self)
            folders = {"/frontend": "frontend", "/gateway": "nginx"}
            mounts, after = _binds(f"{settings.name_prefix}frontend", folders), []
        self.container = _container(
            "frontend",
            settings=settings,
            image=self.image,
            container="frontend",
            networks=networks,
            ports={80: settings.frontend_port},
            mounts=mounts,
            contents=[] if settings.production else ["frontend", "nginx"],
            healthcheck=_http_check(80, "/gateway-health", settings),
            envs=[],
            user=GATEWAY_USER,
            memory=GATEWAY_MEMORY,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=after, hooks=rollout.container_hooks()
            ),
        )
        self.url = gateway_url(settings.bind_address, settings)
        self.register_outputs({"url": self.url})

    def _edge(self) -> docker.ContainerNetworksAdvancedArgs:
        """The network that the gateway is published from: the services' own has no way out."""
        subnet = self.settings.subnets[1]
        edge = bridge("edge", self.settings.networks[1], str(subnet), parent=self)
        return _attach(edge, "frontend", str(subnet[addresses.GATEWAY]))

    def _published(
        self, containers: Sequence[docker.Container]
    ) -> tuple[list[docker.ContainerMountArgs], list[pulumi.Resource]]:
        """The page and the configuration in a volume, so that a new version is only a reload."""
        volume = docker.Volume(
            "site",
            name=f"{self.settings.name_prefix}site",
            labels=[docker.VolumeLabelArgs(label=k, value=v) for k, v in labels().items()],
            opts=pulumi.ResourceOptions(parent=self),
        )
        image = gateway_image("frontend-site", "site", self.settings, parent=self)
        publisher = docker.Container(
            "frontend-site",
            name=f"{self.settings.name_prefix}frontend-site",
            image=image.image_id,
            user=GATEWAY_USER,
            mounts=[docker.ContainerMountArgs(type="volume", target="/site", source=volume.name)],
            network_mode="none",
            restart="no",
            must_run=False,
            attach=True,
            labels=_container_labels(version=image.name.apply(lambda name: name[-DIGEST_LENGTH:])),
            **_limited(MEMORY),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=containers,
                delete_before_replace=True,
                hooks=rollout.publication_hooks(self.settings.name_prefix),
            ),
        )
        mount = docker.ContainerMountArgs(
            type="volume", target="/site", source=volume.name, read_only=True
        )
        return [mount], [publisher]


def gateway_url(address: str, settings: Settings) -> str:
    port = "" if settings.frontend_port == 80 else f":{settings.frontend_port}"  # noqa: PLR2004
    return f"http://{address}{port}"


def labels() -> dict[str, str]:
    """What everything that is made carries, to be found by it."""
    return {
        "microservices.project": pulumi.get_project(),
        "microservices.stack": pulumi.get_stack(),
    }


def network(settings: Settings) -> docker.Network:
    """The network of the services, and of the gateway."""
    subnet = str(settings.subnets[0])
    return bridge("deploy", settings.network_name, subnet, closed=settings.production)


def bridge(
    name: str,
    full_name: str,
    subnet: str,
    *,
    closed: bool = False,
    parent: pulumi.Resource | None = None,
) -> docker.Network:
    """A network of its own addresses; a closed one has no way out, and the host none into it."""
    return docker.Network(
        name,
        name=full_name,
        driver="bridge",
        internal=closed,
        options={"com.docker.network.bridge.inhibit_ipv4": "true"} if closed else None,
        # An engine that was restarted tells the gateway of a network that named none: a difference.
        ipam_configs=[
            docker.NetworkIpamConfigArgs(
                subnet=subnet, gateway=str(IPv4Network(subnet)[addresses.BRIDGE])
            )
        ],
        labels=[docker.NetworkLabelArgs(label=k, value=v) for k, v in labels().items()],
        # Two networks of one name, or of one subnet, cannot be there at a time.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
    )


def service_image(
    service: Service, settings: Settings, *, parent: pulumi.Resource
) -> docker.RemoteImage:
    source = sources.of(service.name, settings.python_image)
    build = docker.RemoteImageBuildArgs(context=source.context, build_args=dict(source.arguments))
    return _image(service.name, settings, build, source.digest, parent=parent)


def gateway_image(
    name: str, target: str, settings: Settings, *, parent: pulumi.Resource
) -> docker.RemoteImage:
    """One of the targets of nginx/Dockerfile."""
    blocks = {} if target == "gateway" else _blocks(settings)
    arguments = {"BASE_IMAGE": settings.nginx_image, **blocks}
    content = digest(
        *(ROOT / source for source in GATEWAY_SOURCES[target]),
        arguments=[target, *(f"{key}={value}" for key, value in sorted(arguments.items()))],
    )
    build = docker.RemoteImageBuildArgs(
        context=".",
        dockerfile="nginx/Dockerfile",
        target=target,
        build_args={**arguments, **({"VERSION": content} if target == "site" else {})},
    )
    return _image(name, settings, build, content, parent=parent)


def _blocks(settings: Settings) -> dict[str, str]:
    """What the table makes of the gateway's content."""
    return {
        "UPSTREAMS": nginx.render(
            settings.replicas,
            trusted_proxies=settings.trusted_proxies,
            tells_inside=settings.mode == DEVELOPMENT,
            rate_limit=settings.rate_limit,
        ),
        "LOCATIONS": nginx.render_locations(settings.replicas),
        "TOPOLOGY": page.render(settings.replicas, network=settings.network_name),
    }


def _image(
    name: str,
    settings: Settings,
    build: docker.RemoteImageBuildArgs,
    content: str,
    *,
    parent: pulumi.Resource,
) -> docker.RemoteImage:
    build.labels = build.label = labels()  # the one by the classic builder, the other by BuildKit
    build.force_remove = True
    tag = f"{settings.repository}{settings.name_prefix}{name}:{settings.image_version}-{content}"
    moved = drift.moved(tag)
    return docker.RemoteImage(
        name,
        name=tag,
        build=build,
        triggers={"moved": moved} if moved else None,
        # What was given back after a bad version is in use again when the update that the bad one
        # broke off is ended; and a swarm keeps the containers of ended tasks for a while.
        force_remove=True,
        opts=pulumi.ResourceOptions(
            parent=parent,
            hooks=rollout.show_build_on_failure(),
            # A tag that was put on another image is taken off it, and the image built anew.
            delete_before_replace=bool(moved),
            ignore_changes=None if moved else ["triggers"],
        ),
    )


# What a container here may not do, and how much of the machine it may take.
_HARDENED: Mapping[str, Any] = {
    "read_only": True,
    "tmpfs": WRITABLE,
    "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"]),
    "security_opts": ["no-new-privileges:true"],
    "cpu_shares": 512,
    "log_opts": {"max-size": "10m", "max-file": "3"},
    "log_driver": "json-file",
}


def _limited(memory: int) -> dict[str, Any]:
    return {**_HARDENED, "memory": memory, "memory_swap": memory}


def _container(  # noqa: PLR0913  one place says what a container here is
    name: str,
    *,
    settings: Settings,
    image: docker.RemoteImage,
    container: str,
    networks: list[docker.ContainerNetworksAdvancedArgs],
    ports: Mapping[int, int],
    mounts: list[docker.ContainerMountArgs],
    contents: Sequence[str],
    healthcheck: docker.ContainerHealthcheckArgs,
    envs: list[str],
    user: str,
    command: list[str] | None = None,
    memory: int = MEMORY,
    opts: pulumi.ResourceOptions,
) -> docker.Container:
    content = "-".join(digest(ROOT / folder) for folder in contents)
    return docker.Container(
        name,
        name=settings.name_prefix + container,
        hostname=container,
        image=image.image_id,
        envs=envs,
        user=user,
        command=command,
        ports=[
            docker.ContainerPortArgs(internal=inner, external=outer, ip=settings.bind_address)
            for inner, outer in sorted(ports.items())
        ],
        mounts=mounts,
        networks_advanced=networks,
        healthcheck=healthcheck,
        labels=_container_labels(
            image=image.name,
            **{process_limit.LABEL: str(process_limit.LIMIT)},
            **({"mounts": content} if content else {}),
        ),
        wait=True,
        wait_timeout=settings.wait_timeout,
        restart="always",
        init=settings.production,
        destroy_grace_seconds=STOP_SECONDS,
        **_limited(memory),
        opts=pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(
                delete_before_replace=True,
                replace_on_changes=REPLACED_ON,
                hooks=process_limit.limit_processes(),
            ),
            opts,
        ),
    )


def _container_labels(**more: pulumi.Input[str]) -> list[docker.ContainerLabelArgs]:
    own = {f"microservices.{key}": value for key, value in more.items()}
    return [docker.ContainerLabelArgs(label=k, value=v) for k, v in {**labels(), **own}.items()]


def _attach(
    network: docker.Network, alias: str, address: str
) -> docker.ContainerNetworksAdvancedArgs:
    return docker.ContainerNetworksAdvancedArgs(
        name=network.name, aliases=[alias], ipv4_address=address
    )


def _binds(container: str, folders: Mapping[str, str]) -> list[docker.ContainerMountArgs]:
    sources = {target: drift.mounted(container, target, ROOT / f) for target, f in folders.items()}
    return [
        docker.ContainerMountArgs(type="bind", target=target, source=str(source), read_only=True)
        for target, source in sorted(sources.items())
    ]


def _http_check(port: int, path: str, settings: Settings) -> docker.ContainerHealthcheckArgs:
    return docker.ContainerHealthcheckArgs(
        tests=health.command(port, path, production=settings.production),
        interval=health.interval(len(settings.containers)),
        timeout=f"{health.TIMEOUT_SECONDS}s",
        retries=3,
        start_period="1s",
    )
