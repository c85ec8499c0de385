"""Checks before a deployment name the configuration key to change."""

import errno
import socket
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from infra import engine, preflight
from infra.settings import Settings
from tests.support import configured


def inventory(
    containers: tuple[str, ...] = (),
    networks: dict[str, tuple[str, ...]] | None = None,
    own_ports: tuple[int, ...] = (),
    edges: dict[str, tuple[str, ...]] | None = None,
) -> preflight.Inventory:
    return preflight.Inventory(
        containers=frozenset(containers),
        by_hand=frozenset(),
        networks=networks or {},
        own_ports=frozenset(own_ports),
        edges=edges or {},
    )


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2376")
    return configured.read({})


def test_nothing_in_the_way(settings: Settings) -> None:
    others = inventory(("router_three",), {"bridge": ("172.17.0.0/16",)})
    assert preflight.conflicts(settings, others) == []


def test_a_strangers_container(settings: Settings) -> None:
    (line,) = preflight.conflicts(settings, inventory(("frontend",)))
    assert line.startswith("namePrefix: with '', 'frontend' is another's container")


def test_a_strangers_network(settings: Settings) -> None:
    (line,) = preflight.conflicts(settings, inventory(networks={"deploy": ()}))
    assert line.startswith("networkName: 'deploy' is another's")


def test_an_overlapping_subnet(settings: Settings) -> None:
    others = inventory(networks={"big": ("172.31.0.0/16",)})
    (line,) = preflight.conflicts(settings, others)
    assert line == (
        "subnet: '172.31.240.0/24' overlaps 172.31.0.0/16 of network 'big'; set another"
    )


def test_what_production_leaves_when_the_mode_changes() -> None:
    left = inventory(edges={"deploy-edge": ("172.31.240.128/25",)})
    development, production = (configured.read({"mode": m}) for m in ("development", "production"))
    assert preflight.conflicts(production, left) == []
    (line,) = preflight.conflicts(development, left)
    assert line == (
        "subnet: '172.31.240.0/24' overlaps 172.31.240.128/25 of network 'deploy-edge'; set another"
    )


class TestPorts:
    @pytest.fixture
    def taken(self, monkeypatch: pytest.MonkeyPatch) -> int:
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        self.listener = socket.create_server(("127.0.0.1", 0))
        return int(self.listener.getsockname()[1])

    def test_taken_by_another(self, taken: int) -> None:
        settings = configured.read({"frontendPort": taken})
        with self.listener:
            found = preflight.conflicts(settings, inventory(own_ports=(8080, 8081)))
        assert [line.split(":")[0] for line in found] == ["frontendPort"]
        assert f"port {taken} of 127.0.0.1 is taken" in found[0]

    def test_taken_by_the_stack_itself(self, taken: int) -> None:
        settings = configured.read({"frontendPort": taken})
        with self.listener:
            own = inventory(own_ports=(taken, 8080, 8081))
            assert preflight.conflicts(settings, own) == []

    def test_a_low_port_taken_by_another_for_a_user_who_may_not_bind_it(
        self, taken: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(socket.socket, "bind", refuse)
        free = configured.read({"frontendPort": 1})
        assert preflight.conflicts(free, inventory()) == []
        with self.listener:
            settings = configured.read({"frontendPort": taken})
            (line,) = preflight.conflicts(settings, inventory())
        assert line.startswith(f"frontendPort: port {taken} of 127.0.0.1 is taken")

    def test_no_address_of_this_machine(self, taken: int) -> None:
        settings = configured.read({"frontendPort": taken, "bindAddress": "192.0.2.1"})
        with self.listener:
            (line,) = preflight.conflicts(settings, inventory())
        assert line.startswith("bindAddress: '192.0.2.1' is no address of this machine")


def test_what_is_on_the_network_has_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped container as well: it comes back with what it is configured to have."""

    def container(name: str, fixed: str, now: str, network: str = "deploy") -> dict[str, Any]:
        endpoint = {"IPAMConfig": {"IPv4Address": fixed} if fixed else None, "IPAddress": now}
        return {
            "Names": [f"/{name}"],
            "Ports": [],
            "NetworkSettings": {"Networks": {network: endpoint}},
        }

    api = SimpleNamespace(
        containers=lambda **_: [
            container("own-router_one", "172.31.240.9", "172.31.240.9"),
            container("stopped", "172.31.240.10", ""),
            container("by_hand", "", "172.31.240.3"),
            container("elsewhere", "172.31.240.11", "", network="other"),
        ],
        networks=lambda: [
            {"Name": name, "Labels": labels, "IPAM": {"Config": [{"Subnet": subnet}]}}
            for name, labels, subnet in (
                ("deploy", {"stack": "one"}, "172.31.240.0/24"),
                ("other", {}, "10.0.0.0/24"),
            )
        ],
    )
    client = SimpleNamespace(api=api)
    monkeypatch.setattr(engine, "client", lambda: nullcontext(client))
    found = preflight.take_inventory({"stack": "one"})
    assert found.addresses == {
        "172.31.240.0/24": {
            "own-router_one": "172.31.240.9",
            "stopped": "172.31.240.10",
            "by_hand": "172.31.240.3",
        }
    }
