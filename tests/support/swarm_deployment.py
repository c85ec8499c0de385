"""Deploy the project to the rig's swarm, and measure it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from tests.support import base
from tests.support.contract import HELLO, ONLY_GET, WHO
from tests.support.deployment import Deployment
from tests.support.load import Report, Request, load
from tests.support.notes import note
from tests.support.polling import wait_until
from tests.support.rig import Node, Rig

PORT = 8000
RATE = 40.0  # requests a second at each node
REQUESTS = [
    Request(path="/api/v1/say_hello", bodies=(HELLO,), keep_alive=False),
    Request(path="/api/v2/who_am_i", bodies=(WHO,), keep_alive=False),
    Request(path="/api/v1/say_hello", bodies=(ONLY_GET,), method="POST", keep_alive=False),
    Request(path="/api/v2/who_am_i", bodies=(WHO,), method="POST", keep_alive=False),
]


class Swarm:
    """A swarm, and the project deployed to it through its first manager."""

    def __init__(self, rig: Rig, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.rig = rig
        self.nodes = rig.nodes
        self.patch = patch
        self.manage(self.nodes[0])
        self.deployment = Deployment(folder, "a passphrase")  # needed for secrets
        self.config = self.deployment.config
        self.config |= {"mode": "swarm", "frontendPort": str(PORT), "replicas": "2"}

    def manage(self, node: Node) -> None:
        """Make Pulumi and the program use this node's engine, which gets the base images."""
        needed = base.both()
        if not all(node.engine.images.list(name=name) for name in needed):
            self.rig.load(node, *needed)
        self.patch.setenv("DOCKER_HOST", node.socket)
        if hasattr(self, "deployment"):
            self.deployment.environment["DOCKER_HOST"] = node.socket

    def form(self) -> None:
        first, *others = self.nodes
        first.engine.swarm.init(advertise_addr=first.address, listen_addr=first.address)
        token = first.engine.swarm.attrs["JoinTokens"]["Worker"]
        for node in others:
            node.engine.swarm.join(
                [f"{first.address}:2377"], join_token=token, advertise_addr=node.address
            )
        self.wait_ready()

    def set(self, node: Node, **spec: str) -> None:
        """Change a node's role or availability."""
        for found in self.nodes[0].engine.nodes.list():
            if found.attrs["Description"]["Hostname"] == node.name:
                found.update({**found.attrs["Spec"], **spec})

    def destroy(self) -> None:
        """Destroy the stack as `make destroy` does on a swarm."""
        self.deployment.operate("destroy", "--skip-preview")
        api: Any = self.deployment.engine.api  # untyped in the SDK
        own = f"microservices.stack={self.deployment.stack}"
        wait_until(lambda: not self.deployment.left()["containers"], "its tasks have ended")
        api.prune_images({"dangling": False, "label": own})

    def leader(self, witness: Node) -> str:
        """Return the name of the leader, or an empty string while there is none."""
        try:
            nodes = [node.attrs for node in witness.engine.nodes.list()]
        except docker.errors.APIError:
            return ""
        leading = [n for n in nodes if n.get("ManagerStatus", {}).get("Leader")]
        return "".join(node["Description"]["Hostname"] for node in leading)

    def wait_ready(self) -> None:
        """Wait until every node is in the swarm and answers."""
        manager = self.nodes[0].engine

        def ready() -> bool:
            return all(n.attrs["Status"]["State"] == "ready" for n in manager.nodes.list())

        wait_until(ready, "every node is ready")

    def scale(self, replicas: int) -> None:
        self.config["replicas"] = str(replicas)

    def name(self, service: str) -> str:
        return self.deployment.prefix + service

    @contextmanager
    def load(self) -> Iterator[dict[str, Report]]:
        """Put a constant load on every node during the block. Yields a report by node name."""
        with ExitStack() as stack:
            yield {
                node.name: stack.enter_context(
                    load(f"http://{node.address}:{PORT}", REQUESTS, rate=RATE)
                )
                for node in self.nodes
            }
        self._print_what_gateways_say()

    def _print_what_gateways_say(self) -> None:
        """Print the gateways' errors, to explain a failed test."""
        own: dict[str, str | list[str] | bool] = {"name": f"{self.name('frontend')}."}
        for node in filter(Node.answers, self.nodes):
            for gateway in node.engine.containers.list(filters=own):
                lines = gateway.logs(tail=5000).decode(errors="replace").splitlines()
                bad = [line for line in lines if '" 200 ' not in line]
                print(node.name, *bad[-30:], sep="\n  ")  # noqa: T201  pytest keeps it

    def tasks(self, service: str, manager: Node | None = None) -> list[str]:
        """Return the names of the nodes that run the service's tasks."""
        engine = (manager or self.nodes[0]).engine
        names = {node.id: node.attrs["Description"]["Hostname"] for node in engine.nodes.list()}
        api: Any = engine.api  # untyped in the SDK
        tasks = api.tasks({"service": self.name(service), "desired-state": "running"})
        return sorted(
            names[task["NodeID"]] for task in tasks if task["Status"]["State"] == "running"
        )

    def change(self, service: str, more: str = "# another version\n") -> None:
        """Change a service's source, which makes a new version."""
        app = self.deployment.project / "services" / service / "app.py"
        app.write_text(app.read_text() + more)

    def replicas(self, service: str) -> list[Container]:
        """Return the service's healthy containers on all nodes."""
        own: dict[str, str | list[str] | bool] = {
            "name": f"{self.name(service)}.",
            "health": "healthy",
        }
        return [c for node in self.nodes for c in node.engine.containers.list(filters=own)]

    def kill_a_replica(self, service: str) -> str:
        """Kill a replica's process without its engine's knowledge. Return the container's ID."""
        (node,) = self.nodes
        replica = self.replicas(service)[0]
        node.kill(replica.attrs["State"]["Pid"])
        return str(replica.id)

    @contextmanager
    def stranger(self, service: str, *, alias: str) -> Iterator[Callable[[], bytes]]:
        """Run a replica of one service under the name of another. Yields a function for its log."""
        api: Any = self.nodes[0].engine.api  # untyped in the SDK
        task = api.inspect_service(self.name(service))["Spec"]["TaskTemplate"]
        network = {"Target": task["Networks"][0]["Target"], "Aliases": [alias]}
        made = api.create_service(
            {**task, "Networks": [network]}, name="stranger", endpoint_spec={"Mode": "dnsrr"}
        )

        def logs() -> bytes:
            own: dict[str, str | list[str] | bool] = {"name": "stranger."}
            found = [c for node in self.nodes for c in node.engine.containers.list(filters=own)]
            return b"".join(container.logs() for container in found)

        try:
            yield logs
        finally:
            api.remove_service(made["ID"])


def lost(reports: dict[str, Report], *, gone: str = "") -> list[str]:
    """Return the losses at the nodes that stayed up."""
    return list(chain(*(report.losses for name, report in reports.items() if name != gone)))


def assert_nothing_lost(reports: dict[str, Report], *, gone: str = "", seconds: float = 5) -> None:
    """Check that the load lasted this long, and the nodes that stayed up lost nothing."""
    assert lost(reports, gone=gone) == []
    for name, report in reports.items():
        assert name == gone or report.sent > seconds * RATE, report.summary()


def record(what: str, reports: dict[str, Report], *, gone: str = "") -> None:
    """Add a row for each node to the table; `gone` is the node that the test removed."""
    for name, report in reports.items():
        where = f"{name} (taken away)" if name == gone else name
        note(f"{what}, {where}", report.summary())
