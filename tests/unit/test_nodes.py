"""Checks before a swarm deployment name the configuration key to change."""

import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.settings import Settings
from infra.swarm.nodes import Network, Node, Running, Swarm, matching
from infra.swarm.obstacles import conflicts
from tests.support import configured

OURS = {"microservices.stack": "unit"}


def node(**facts: str) -> Node:
    return Node(facts={f"node.{k}": v for k, v in facts.items()}, address="127.0.0.1", ready=True)


def swarm(*nodes: Node, services: tuple[Running, ...] = ()) -> Swarm:
    return Swarm(
        member=True, manager=True, address="127.0.0.1", nodes=nodes or (node(),), services=services
    )


def running(name: str, *ports: int, **labels: str) -> Running:
    return Running(name=name, ports=ports, labels=labels)


@pytest.fixture(scope="module")
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(free: int) -> Settings:
    return configured.read({"mode": "swarm", "frontendPort": free})


def test_nothing_in_the_way(settings: Settings) -> None:
    others = (running("router_three", 8088),)
    assert conflicts(settings, swarm(services=others), OURS) == []


def test_no_swarm(settings: Settings) -> None:
    (line,) = conflicts(settings, Swarm(member=False, manager=False, address=""), OURS)
    assert "this engine is in no swarm; run `docker swarm init`" in line


def test_a_worker_names_its_managers(settings: Settings) -> None:
    worker = Swarm(member=True, manager=False, address="", managers=("10.0.0.1", "10.0.0.2"))
    (line,) = conflicts(settings, worker, OURS)
    assert line.endswith("set docker:host to a manager, which is at 10.0.0.1, 10.0.0.2")


def test_a_strangers_service(settings: Settings) -> None:
    (line,) = conflicts(settings, swarm(services=(running("frontend"),)), OURS)
    assert line.startswith("namePrefix: with '', 'frontend' is another's service")


def test_our_own_service_and_port(settings: Settings) -> None:
    own = Running(name="frontend", ports=(settings.frontend_port,), labels=OURS)
    assert conflicts(settings, swarm(services=(own,)), OURS) == []


def test_a_port_that_another_service_publishes(settings: Settings) -> None:
    others = (running("website", settings.frontend_port),)
    (line,) = conflicts(settings, swarm(services=others), OURS)
    assert line.startswith(f"frontendPort: port {settings.frontend_port} is taken on the nodes by")


def test_a_port_that_answers_on_a_node(free: int, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", free)):
        (line,) = conflicts(settings, swarm(), OURS)
    assert line.startswith(f"frontendPort: port {free} is taken on node 127.0.0.1; stop what")


def test_a_strangers_network(settings: Settings) -> None:
    other = Network(name="deploy", labels={}, subnets=(), encrypted=False)
    (line,) = conflicts(settings, replace(swarm(), networks=(other,)), OURS)
    assert line.startswith("networkName: 'deploy' is another's")


def test_our_own_network_cannot_change(settings: Settings) -> None:
    own = Network(name="deploy", labels=OURS, subnets=(str(settings.subnet),), encrypted=False)
    assert conflicts(settings, replace(swarm(), networks=(own,)), OURS) == []
    (line,) = conflicts(settings, replace(swarm(), networks=(replace(own, encrypted=True),)), OURS)
    assert line.startswith("subnet, encryptNetwork: 'deploy' has 172.31.240.0/24, encrypted true")


def test_constraints_choose_nodes() -> None:
    nodes = swarm(node(role="manager", id="a"), node(role="worker", id="b"))
    assert len(matching(nodes, ())) == 2
    assert [n.facts["node.id"] for n in matching(nodes, ["node.role==Worker"])] == ["b"]
    assert [n.facts["node.id"] for n in matching(nodes, ["node.role != worker"])] == ["a"]
    assert matching(nodes, ["node.role==worker", "node.id==a"]) == []


def test_a_placement_that_no_node_meets(free: int) -> None:
    wanted = {"frontend": {"placement": ["node.labels.edge==true"]}}
    settings = configured.read({"mode": "swarm", "frontendPort": free, "services": wanted})
    (line,) = conflicts(settings, swarm(node(role="worker")), OURS)
    assert line.startswith("placement: 'node.labels.edge==true' of frontend is met by none of the")


def test_several_nodes_need_a_registry(settings: Settings) -> None:
    (line,) = conflicts(settings, swarm(node(), node()), OURS)
    assert line.startswith("registry: '' is not right; the 2 nodes get the images from one")


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v2/" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("scheme", "reason"), [("http://", ""), ("https://", "does not answer"), ("", "does not")]
)
def test_a_registry_is_asked(free: int, registry: str, scheme: str, reason: str) -> None:
    place = f"{scheme}{registry}/team"
    settings = configured.read({"mode": "swarm", "frontendPort": free, "registry": place})
    found = conflicts(settings, swarm(), OURS)
    assert [reason in line for line in found] == ([True] if reason else [])
