"""A swarm as one of its managers sees it: its nodes, services and networks."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import docker

from infra import engine, preflight

MANAGER_PORT = ":2377"


@dataclass(frozen=True, kw_only=True)
class Node:
    facts: Mapping[str, str]  # by their names in constraints: node.role, node.labels.disk, …
    address: str
    ready: bool


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service of the swarm."""

    name: str
    labels: Mapping[str, str]
    ports: tuple[int, ...]  # of the nodes

    def is_ours(self, labels: Mapping[str, str]) -> bool:
        return labels.items() <= self.labels.items()


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network of the swarm, or of the manager itself."""

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
    """Ask the engine of the stack. Raises EngineError when none answers, and TooOldError."""
    with engine.client() as client:
        engine.check_version(client.api)
        return _take(client.api)


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
    # A newly elected leader knows a node as "unknown" until the node reports.
    ready = found["Status"]["State"] != "down" and spec["Availability"] == "active"
    return Node(
        facts={**named, **own, **engines}, address=found["Status"].get("Addr", ""), ready=ready
    )


def matching(swarm: Swarm, constraints: Iterable[str]) -> list[Node]:
    """Return the nodes that satisfy all constraints."""
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
