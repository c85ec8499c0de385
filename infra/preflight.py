"""Checks before a deployment: names, networks and ports that others on the machine have."""

import errno
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra import docker_host, engine, keys, routes
from infra.settings import EDGE, Settings

CONNECT_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The names and networks of others on the engine, and the ports and addresses of the stack."""

    containers: frozenset[str]
    by_hand: frozenset[str]  # containers on the stack's network that it did not make
    networks: Mapping[str, tuple[str, ...]]  # name -> subnets
    own_ports: frozenset[int]
    selinux: bool = False  # whether the engine confines containers by it
    # Of the stack in production: name -> subnets. Another mode has no such network.
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Of the stack's own networks: subnet -> container -> address.
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def take_inventory(labels: Mapping[str, str]) -> Inventory:
    """Ask the engine. Raises EngineError when none answers, and TooOldError."""
    with engine.client() as client:
        engine.check_version(client.api)
        containers: list[dict[str, Any]] = client.api.containers(all=True)
        networks: list[dict[str, Any]] = client.api.networks()
        security: list[str] = client.api.info().get("SecurityOptions") or []
    own_networks = {n["Name"]: subnets(n) for n in networks if _is_ours(n, labels)}
    ours = own_networks.keys()
    own = [c for c in containers if _is_ours(c, labels) or ours & _attached(c)]
    others = [c for c in containers if c not in own]
    return Inventory(
        containers=_names_of(others),
        by_hand=_names_of(c for c in own if not _is_ours(c, labels)),
        networks={n["Name"]: subnets(n) for n in networks if not _is_ours(n, labels)},
        own_ports=frozenset(p["PublicPort"] for c in own for p in c["Ports"] if "PublicPort" in p),
        selinux="name=selinux" in security,
        edges={name: own_networks[name] for name in ours if name.endswith(EDGE)},
        addresses={
            subnet: _addresses(containers, name)
            for name, ranges in own_networks.items()
            for subnet in ranges
        },
    )


def conflicts(settings: Settings, inventory: Inventory) -> list[str]:
    """Return a line for each conflict; it names the configuration key that resolves it."""
    published = {} if settings.production else settings.host_ports
    edges = {} if settings.production else inventory.edges
    ports = {keys.of_service(name, "hostPort"): port for name, port in published.items() if port}
    return [
        *_names(settings, inventory),
        *network_conflicts(settings, {**inventory.networks, **edges}),
        *_routes(settings, inventory),
        *_ports(settings.bind_address, {**settings.published, **ports}, inventory),
    ]


def _names(settings: Settings, inventory: Inventory) -> list[str]:
    way_out = "set a prefix, or remove that container"
    return [
        f"namePrefix: with {settings.name_prefix!r}, {name!r} is another's container; {way_out}"
        for name in settings.containers
        if name in inventory.containers
    ]


def network_conflicts(settings: Settings, others: Mapping[str, tuple[str, ...]]) -> list[str]:
    if any(name in others for name in (*settings.networks, *settings.ways_out.values())):
        return [f"networkName: {settings.network_name!r} is another's; set another, or remove it"]
    return [
        f"subnet: '{settings.subnet}' overlaps {subnet} of network {name!r}; set another"
        for name, subnets in others.items()
        for subnet in subnets
        if settings.subnet.overlaps(ipaddress.IPv4Network(subnet))
    ]


def _routes(settings: Settings, inventory: Inventory) -> list[str]:
    own = inventory.addresses.keys()
    if not docker_host.is_here() or own >= set(map(str, settings.subnets)):  # in use already
        return []
    others = {subnet for subnets in inventory.networks.values() for subnet in subnets}
    return [
        f"subnet: '{settings.subnet}' overlaps the route {route} of {interface}; set another: "
        + keys.set_command("subnet", "NETWORK")
        for route, interface in routes.overlapping(settings.subnet, own | others)
    ]


def _ports(address: str, wanted: Mapping[str, int], inventory: Inventory) -> list[str]:
    if not docker_host.is_here():
        return []
    foreign = {key: port for key, port in wanted.items() if port not in inventory.own_ports}
    reasons = {key: _why_not(address, port) for key, port in foreign.items()}
    if "absent" in reasons.values():
        return [f"bindAddress: {address!r} is no address of this machine; such as 127.0.0.1"]
    return [
        f"{key}: port {wanted[key]} of {address} is taken; stop what holds it, or set another: "
        + keys.set_command(key, "PORT")
        for key, reason in reasons.items()
        if reason == "taken"
    ]


def _why_not(address: str, port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:  # a port below 1024, which the engine may publish
            return "taken" if _listens(address, port) else ""
        except OSError as error:
            known = {errno.EADDRINUSE: "taken", errno.EADDRNOTAVAIL: "absent"}
            return known.get(error.errno or 0, "")
    return ""


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(CONNECT_SECONDS)
        return probe.connect_ex((address, port)) == 0


def _attached(container: Mapping[str, Any]) -> set[str]:
    return set((container.get("NetworkSettings") or {}).get("Networks") or {})


def _addresses(containers: Iterable[Mapping[str, Any]], network: str) -> dict[str, str]:
    """Return each container's address on the network; a stopped one has the configured one."""
    found: dict[str, str] = {}
    for container in containers:
        attached = (container.get("NetworkSettings") or {}).get("Networks") or {}
        endpoint = attached.get(network) or {}
        fixed = (endpoint.get("IPAMConfig") or {}).get("IPv4Address")
        if address := fixed or endpoint.get("IPAddress"):
            found |= dict.fromkeys(_names_of([container]), address)
    return found


def _names_of(containers: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(name.lstrip("/") for c in containers for name in c["Names"])


def _is_ours(item: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return labels.items() <= (item.get("Labels") or {}).items()


def subnets(network: Mapping[str, Any]) -> tuple[str, ...]:
    ranges = (network.get("IPAM") or {}).get("Config") or []
    return tuple(r["Subnet"] for r in ranges if ":" not in r.get("Subnet", ":"))
