"""The Docker networks of a stack on one engine, and addresses on them."""

from collections.abc import Iterable
from ipaddress import IPv4Network

import pulumi
import pulumi_docker as docker

from infra import addresses
from infra.settings import Settings
from infra.stack import labelled
from topology import Service


def network(settings: Settings, opts: pulumi.ResourceOptions | None = None) -> docker.Network:
    """Declare the network of the services and the gateway."""
    subnet = str(settings.subnets[0])
    closed = settings.production
    return bridge("deploy", settings.network_name, subnet, closed=closed, opts=opts)


def bridge(
    name: str,
    full_name: str,
    subnet: str,
    *,
    closed: bool = False,
    opts: pulumi.ResourceOptions | None = None,
) -> docker.Network:
    """Declare a bridge network. A closed one has no route out, and the host has none into it."""
    return docker.Network(
        name,
        name=full_name,
        driver="bridge",
        internal=closed,
        options={"com.docker.network.bridge.inhibit_ipv4": "true"} if closed else None,
        # An undeclared gateway would appear as drift once the engine was restarted.
        ipam_configs=[
            docker.NetworkIpamConfigArgs(
                subnet=subnet, gateway=str(IPv4Network(subnet)[addresses.BRIDGE])
            )
        ],
        labels=labelled(docker.NetworkLabelArgs),
        # Docker refuses a second network with the same name or subnet.
        opts=pulumi.ResourceOptions.merge(pulumi.ResourceOptions(delete_before_replace=True), opts),
    )


def way_out(
    service: Service, settings: Settings, *, parent: pulumi.Resource
) -> list[docker.ContainerNetworksAdvancedArgs]:
    """Declare the network by which a service reaches the world outside, if its row asks for it.

    The engine chooses its addresses. In development the services' network has a way out.
    """
    name = settings.ways_out.get(service.name)
    if not name:
        return []
    network = docker.Network(
        f"{service.name}-out",
        name=name,
        driver="bridge",
        labels=labelled(docker.NetworkLabelArgs),
        opts=pulumi.ResourceOptions(
            parent=parent, delete_before_replace=True, ignore_changes=["ipamConfigs"]
        ),
    )
    return [docker.ContainerNetworksAdvancedArgs(name=network.name)]


def attach(
    network: docker.Network, names: Iterable[str], address: str
) -> docker.ContainerNetworksAdvancedArgs:
    """Attach a container, by all names that others on the network know it by."""
    return docker.ContainerNetworksAdvancedArgs(
        name=network.name, aliases=sorted(set(names)), ipv4_address=address
    )
