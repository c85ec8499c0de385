"""Checks before a deployment on a swarm: nodes, names, networks, ports, the registry."""

import http.client
import socket
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping

import pulumi

from infra import preflight
from infra.settings import Settings
from infra.swarm.nodes import Running, Swarm, matching
from topology import GATEWAY

ANSWER_SECONDS = 5  # of a registry


def conflicts(settings: Settings, swarm: Swarm, labels: Mapping[str, str]) -> list[str]:
    """Return a line for each conflict; it names the configuration key that resolves it."""
    if not swarm.member:
        way_out = (
            "run `docker swarm init` on it, set swarmInit to true and run `make up`, or set "
            "docker:host to a manager"
        )
        return [f"mode: 'swarm' needs a manager, and this engine is in no swarm; {way_out}"]
    if not swarm.manager:
        way_out = f"set docker:host to a manager, which is at {', '.join(swarm.managers)}"
        return [f"mode: 'swarm' needs a manager, and this engine is a worker; {way_out}"]
    others = [service for service in swarm.services if not service.is_ours(labels)]
    return [
        *_names(settings, others),
        *_networks(settings, swarm, labels),
        *_places(settings, swarm),
        *_ports(settings, swarm, others),
        *_registry(settings, swarm),
    ]


def _names(settings: Settings, others: Iterable[Running]) -> list[str]:
    taken = {service.name for service in others}
    return [
        f"namePrefix: with {settings.name_prefix!r}, {name!r} is another's service; set a prefix, "
        "or remove that service"
        for name in settings.containers
        if name in taken
    ]


def _networks(settings: Settings, swarm: Swarm, labels: Mapping[str, str]) -> list[str]:
    own = [network for network in swarm.networks if labels.items() <= network.labels.items()]
    foreign = {network.name: network.subnets for network in swarm.networks if network not in own}
    wanted = ((str(settings.subnet),), settings.encrypt_network)
    return [
        *preflight.network_conflicts(settings, foreign),
        *(
            f"subnet, encryptNetwork: {network.name!r} has {', '.join(network.subnets)}, encrypted "
            f"{str(network.encrypted).lower()}, and tasks on it; `make destroy` before a change"
            for network in own
            if (network.subnets, network.encrypted) != wanted
        ),
    ]


def _places(settings: Settings, swarm: Swarm) -> list[str]:
    ready = len(matching(swarm, ()))
    return [
        f"placement: {', '.join(constraints)!r} of {name} is met by none of the {ready} nodes that "
        "take tasks; relax it, or label one: docker node update --label-add KEY=VALUE NODE"
        for name, constraints in settings.placement.items()
        if not matching(swarm, constraints)
    ]


def _ports(settings: Settings, swarm: Swarm, others: Iterable[Running]) -> list[str]:
    ports = settings.published.items()
    return [line for key, port in ports for line in _port(key, port, settings, swarm, others)]


def _port(
    key: str, port: int, settings: Settings, swarm: Swarm, others: Iterable[Running]
) -> list[str]:
    for service in others:
        if port in service.ports:
            return [_taken(key, port, f"the nodes by the service {service.name!r}")]
    if any(port in service.ports for service in swarm.services):
        return []  # the stack's own gateway has it
    nodes = matching(swarm, settings.placement[GATEWAY])
    return [_taken(key, port, f"node {n.address}") for n in nodes if _answers(n.address, port)]


def _taken(key: str, port: int, where: str) -> str:
    return (
        f"{key}: port {port} is taken on {where}; stop what holds it, or set another: "
        f"pulumi config set {key} PORT"
    )


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def _registry(settings: Settings, swarm: Swarm) -> list[str]:
    if not settings.registry:
        alone = len(swarm.nodes) == 1
        how = f"the {len(swarm.nodes)} nodes get the images from one, such as registry.example.com"
        return [] if alone else [f"registry: '' is not right; {how}"]
    host = registry_host(settings)
    reason = _refusal(f"{host}/v2/")
    return [f"registry: {settings.registry!r} cannot be used: {host} {reason}"] if reason else []


def registry_host(settings: Settings) -> str:
    scheme, _, place = settings.registry.rpartition("://")
    return f"{scheme or 'https'}://{place.partition('/')[0]}"


def _refusal(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS):  # noqa: S310  http(s) by its key
            return ""
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.UNAUTHORIZED:
            return "" if has_credentials() else "wants a login; set docker:registryAuth"
        return f"answers {error.code} {error.reason}; it must be a Docker registry"
    except (OSError, http.client.HTTPException) as error:
        return (
            f"does not answer ({error}); start it, or set another, http:// before one without TLS"
        )


def has_credentials() -> bool:
    return pulumi.Config("docker").get("registryAuth") is not None
