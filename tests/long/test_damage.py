"""Damage to a development stack, by hand or by bad sources: what `up` reports and repairs."""

import socket

from tests.support.contract import HELLO, WHO, answers_until, ask
from tests.support.deployment import Deployment
from topology import SERVICES


def test_each_route_reaches_its_own_after_a_swap(fresh: Deployment) -> None:
    """Both services come back at each other's address: none answers for the other, ever."""
    fresh.up()
    network = fresh.engine.networks.get(fresh.config["networkName"])
    names = ("microservice1", "microservice2")
    containers = [fresh.container(name) for name in names]
    addresses = [fresh.address(name) for name in names]
    for container in containers:
        network.disconnect(container)
    aliases = [service.container for service in SERVICES]
    for container, alias, address in zip(containers, aliases, reversed(addresses), strict=True):
        network.connect(container, aliases=[alias], ipv4_address=address)
    for path, own in (("/api/v1/say_hello", HELLO), ("/api/v2/who_am_i", WHO)):
        answers = answers_until(fresh.url + path, own)
        assert set(answers) <= {own, b'{"Code":5020,"Message":"Bad Gateway"}'}


def test_removed_services_are_made_again(fresh: Deployment) -> None:
    fresh.up()
    for name in ("microservice1", "microservice2"):
        fresh.container(name).remove(force=True)
    fresh.operate("up", "--skip-preview", "--refresh")
    assert answers_until(fresh.url + "/api/v1/say_hello", HELLO)[-1] == HELLO
    assert answers_until(fresh.url + "/api/v2/who_am_i", WHO)[-1] == WHO


def test_never_healthy_fails_with_its_log(fresh: Deployment) -> None:
    app = fresh.project / "services" / "microservice1" / "app.py"
    app.write_text("raise SystemExit('cannot go on: no coffee')\n")
    fresh.config["waitTimeout"] = "20"
    failed = fresh.up(check=False)
    assert failed.returncode != 0
    assert "cannot go on: no coffee" in failed.stdout + failed.stderr


def test_a_taken_port_is_named_with_its_key_and_up_works_once_it_is_free(fresh: Deployment) -> None:
    with socket.create_server(("127.0.0.1", fresh.ports["microservice2"])):
        refused = fresh.up(check=False)
    said = refused.stdout + refused.stderr
    key = "services.microservice2.hostPort"
    assert refused.returncode != 0
    assert f"pulumi config set --path {key} PORT" in said
    assert f"{key}: port {fresh.ports['microservice2']} of 127.0.0.1 is taken" in said
    assert fresh.left() == {"containers": [], "networks": [], "images": [], "volumes": []}
    fresh.up()
    assert ask(fresh.url + "/api/v2/who_am_i")[2] == WHO
