"""The swarm as one of its managers sees it, and what stands in the stack's way there."""

import http.client
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import docker
import pulumi
from pulumi.runtime.config import get_config_env

from infra import engine, preflight
from infra.hooks import error_hook
from infra.settings import Settings

MANAGER_PORT = ":2377"
ANSWER_SECONDS = 5  # of a registry
LINES = 20


@dataclass(frozen=True, kw_only=True)
class Node:
    facts: Mapping[str, str]  # as constraints name them: node.role, node.labels.disk, …
    address: str
    ready: bool


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service that the swarm has."""

    name: str
    labels: Mapping[str, str]
    ports: tuple[int, ...]  # of the nodes

    def is_ours(self, labels: Mapping[str, str]) -> bool:
        return labels.items() <= self.labels.items()


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that the manager has, the swarm's or its own."""

    name: str
    labels: Mapping[str, str]
    subnets: tuple[str, ...]
    encrypted: bool


@dataclass(frozen=True, kw_only=True)
class Swarm:
    member: bool
    manager: bool
    address: str  # of the engine that was asked
    managers: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    services: tuple[Running, ...] = ()
    networks: tuple[Network, ...] = ()


@cache
def inventory() -> Swarm:
    """Asks the engine that the stack is deployed by. Raises EngineError when none answers."""
    with engine.client(_host()) as client:
        return _take(client.api)


def _host() -> str:
    return str(get_config_env().get("docker:host", ""))


def _take(api: docker.APIClient) -> Swarm:
    about: dict[str, Any] = api.info()["Swarm"]
    manager = bool(about.get("ControlAvailable"))
    return Swarm(
        member=about["LocalNodeState"] == "active",
        manager=manager,
        address=about.get("NodeAddr", ""),
        managers=tuple(m["Addr"].removesuffix(MANAGER_PORT) for m in about["RemoteManagers"] or ()),
        nodes=tuple(map(_node, api.nodes())) if manager else (),
        services=_services(api) if manager else (),
        networks=tuple(map(_network, api.networks())) if manager else (),
    )


def _services(api: docker.APIClient) -> tuple[Running, ...]:
    found: list[dict[str, Any]] = api.services()  # type: ignore[no-untyped-call]  # as the SDK has it
    return tuple(map(_running, found))


def _running(found: Mapping[str, Any]) -> Running:
    spec = found["Spec"]
    ports = (spec.get("EndpointSpec") or {}).get("Ports", [])
    return Running(
        name=spec["Name"],
        labels=spec.get("Labels") or {},
        ports=tuple(port["PublishedPort"] for port in ports if "PublishedPort" in port),
    )


def _network(found: Mapping[str, Any]) -> Network:
    return Network(
        name=found["Name"],
        labels=found["Labels"] or {},
        subnets=preflight.subnets(found),
        encrypted="encrypted" in (found["Options"] or {}),
    )


def _node(found: Mapping[str, Any]) -> Node:
    description, spec = found["Description"], found["Spec"]
    named = {
        "node.id": found["ID"],
        "node.hostname": description["Hostname"],
        "node.role": spec["Role"],
        "node.platform.os": description["Platform"]["OS"],
        "node.platform.arch": description["Platform"]["Architecture"],
    }
    own = {f"node.labels.{k}": v for k, v in (spec.get("Labels") or {}).items()}
    of_engine = (description["Engine"].get("Labels") or {}).items()
    engines = {f"engine.labels.{key}": value for key, value in of_engine}
    # A leader that has just been chosen does not know of a node's state until that reports.
    ready = found["Status"]["State"] != "down" and spec["Availability"] == "active"
    return Node(
        facts={**named, **own, **engines}, address=found["Status"].get("Addr", ""), ready=ready
    )


def matching(swarm: Swarm, constraints: Iterable[str]) -> list[Node]:
    """The nodes that may run what has these constraints."""
    wanted = [re.split(r" *(==|!=) *", constraint) for constraint in constraints]
    return [
        node
        for node in swarm.nodes
        if node.ready
        and all(
            (node.facts.get(name, "").lower() == value.lower()) == (relation == "==")
            for name, relation, value in wanted
        )
    ]


def conflicts(settings: Settings, swarm: Swarm, labels: Mapping[str, str]) -> list[str]:
    """Each conflict as a line that names the configuration key that resolves it."""
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
        *_port(settings, swarm, others),
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


def _port(settings: Settings, swarm: Swarm, others: Iterable[Running]) -> list[str]:
    port = settings.frontend_port
    for service in others:
        if port in service.ports:
            return [_taken(port, f"the nodes by the service {service.name!r}")]
    if any(port in service.ports for service in swarm.services):
        return []  # what answers there is the stack's own gateway
    nodes = matching(swarm, settings.placement["frontend"])
    return [_taken(port, f"node {n.address}") for n in nodes if _answers(n.address, port)]


def _taken(port: int, where: str) -> str:
    return (
        f"frontendPort: port {port} is taken on {where}; stop what holds it, or set another: "
        "pulumi config set frontendPort PORT"
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
    return "docker:registryAuth" in get_config_env()


@cache  # the engine takes a hook's name once
def show_failure() -> pulumi.ResourceHookBinding:
    return pulumi.ResourceHookBinding(on_error=[error_hook("last-task", _show)])


def _show(args: pulumi.ErrorHookArgs) -> None:
    name = (args.new_inputs or {}).get("name")
    if name and args.failed_operation != "delete":
        pulumi.log.error(f"{name} did not come up everywhere. {last_failure(name)}")


def last_failure(service: str) -> str:
    """Where and why a task of the service failed last, with its last log lines."""
    try:
        with engine.client(_host()) as client:
            return _last_failure(client, service)
    except engine.EngineError as error:
        return f"Its tasks cannot be read: {error}"


def _last_failure(client: docker.DockerClient, service: str) -> str:
    api: Any = client.api  # as the SDK has it, untyped
    tasks = api.tasks({"service": service})
    failed = [task for task in tasks if task["Status"]["State"] in ("failed", "rejected")]
    if not failed:
        return "None of its tasks has failed; is there a node with room for it?"
    last = max(failed, key=lambda task: str(task["Status"]["Timestamp"]))
    lines = api.service_logs(service, stdout=True, stderr=True, details=True, tail=LINES)
    own = [line.decode(errors="replace") for line in lines if last["ID"].encode() in line]
    said = "".join(line.partition(" ")[2] for line in own).rstrip()
    log = f"Its last log lines:\n{said}" if said else "It has logged nothing."
    return f"Its last failed task: {last['Status'].get('Err', 'no reason given')}. {log}"
