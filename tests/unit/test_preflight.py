"""Checks before a deployment name the configuration key to change."""

import errno
import socket
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra import engine, preflight, routes
from infra.settings import Settings
from tests.support import configured


def inventory(
    containers: tuple[str, ...] = (),
    networks: dict[str, tuple[str, ...]] | None = None,
    own_ports: tuple[int, ...] = (),
    edges: dict[str, tuple[str, ...]] | None = None,
    own_subnets: tuple[str, ...] = (),
) -> preflight.Inventory:
    return preflight.Inventory(
        containers=frozenset(containers),
        by_hand=frozenset(),
        networks=networks or {},
        own_ports=frozenset(own_ports),
        edges=edges or {},
        addresses={subnet: {} for subnet in own_subnets},
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


def test_what_production_leaves_when_the_mode_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2376")  # here a stack may be up
    left = inventory(edges={"deploy-edge": ("172.31.240.128/25",)})
    development, production = (configured.read({"mode": m}) for m in ("development", "production"))
    assert preflight.conflicts(production, left) == []
    (line,) = preflight.conflicts(development, left)
    assert line == (
        "subnet: '172.31.240.0/24' overlaps 172.31.240.128/25 of network 'deploy-edge'; set another"
    )


class TestRoutes:
    """The routes are those of a machine in a VPC, in the kernel's own words."""

    EDGE, SERVICES = "172.31.240.128/25", "172.31.240.0/25"

    @pytest.fixture(autouse=True)
    def _here(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        table = tmp_path / "route"
        table.write_text(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
            "eth0\t00000000\t01F01FAC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
            "eth0\t00F01FAC\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0\n"
            "tun0\t000010AC\t0100080A\t0003\t0\t0\t0\t0000F0FF\t0\t0\t0\n"
            "br-0cfeef6be6c1\t00FA1FAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        )
        monkeypatch.setattr(routes, "TABLE", table)
        monkeypatch.delenv("DOCKER_HOST", raising=False)

    def found(self, there: preflight.Inventory | None = None, **configuration: str) -> list[str]:
        lines = preflight.conflicts(configured.read(configuration), there or inventory())
        return [line for line in lines if line.startswith("subnet:")]

    def test_an_overlapping_one(self) -> None:
        (line,) = self.found()
        assert line == (
            "subnet: '172.31.240.0/24' overlaps the route 172.31.240.0/20 of eth0; "
            "set another: pulumi config set subnet NETWORK"
        )

    def test_the_default_route_and_a_vpns_for_all_that_is_private_do_not_count(self) -> None:
        assert self.found(subnet="172.20.0.0/24") == []

    def test_nor_does_the_bridge_of_a_docker_network(self) -> None:
        """A Docker network is reported by its name, and one of the stack itself can be widened."""
        others = inventory(networks={"other": ("172.31.250.0/24",)})
        for there in (others, inventory(own_subnets=("172.31.250.0/24",))):
            found = self.found(there, subnet="172.31.250.0/24")
            assert not any("br-0cfeef6be6c1" in line for line in found)
        (line,) = (line for line in self.found(subnet="172.31.250.0/24") if "br-" in line)
        assert "172.31.250.0/24 of br-0cfeef6be6c1" in line

    def test_a_network_that_is_in_use_stays(self) -> None:
        both = inventory(own_subnets=(self.EDGE, self.SERVICES))
        assert self.found(both, mode="production") == []
        one = inventory(own_subnets=(self.SERVICES,))
        assert len(self.found(one, mode="production")) == 1

    def test_an_engine_elsewhere_has_other_routes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2376")
        assert self.found() == []

    def test_a_system_without_the_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(routes, "TABLE", Path("none"))
        assert self.found() == []


class TestPorts:
    @pytest.fixture
    def taken(self, monkeypatch: pytest.MonkeyPatch) -> int:
        monkeypatch.setattr(routes, "TABLE", Path("none"))
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
        others = inventory(own_ports=(8080, 8081))  # a stack that is up has these
        free = configured.read({"frontendPort": 1})
        assert preflight.conflicts(free, others) == []
        with self.listener:
            settings = configured.read({"frontendPort": taken})
            (line,) = preflight.conflicts(settings, others)
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
    api.version = lambda **_: {"ApiVersion": engine.OLDEST_API}
    api.info = lambda: {"SecurityOptions": ["name=seccomp,profile=builtin", "name=selinux"]}
    client = SimpleNamespace(api=api)
    monkeypatch.setattr(engine, "client", lambda: nullcontext(client))
    found = preflight.take_inventory({"stack": "one"})
    assert found.selinux
    assert found.addresses == {
        "172.31.240.0/24": {
            "own-router_one": "172.31.240.9",
            "stopped": "172.31.240.10",
            "by_hand": "172.31.240.3",
        }
    }
