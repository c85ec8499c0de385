"""Certificates from a real ACME CA: the first one, its renewal, and a CA that gives none."""

import ipaddress
from collections.abc import Iterator

import pytest

from tests.support.contract import HELLO, ask
from tests.support.deployment import Deployment
from tests.support.load import Request, load
from tests.support.notes import note
from tests.support.pebble import Pebble
from tests.support.polling import wait_until
from tests.support.processes import free_ports
from tests.support.updates import assert_nothing_lost, page
from tests.support.visitor import Visitor
from tools.operate import certificate
from topology import CERTIFIER

VALIDITY = 150  # seconds; certbot renews when a third is left
RATE = 500


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    own = {"mode": "production", "httpsPort": str(free_ports(1)[0]), "domain": "shop.test"}
    with Deployment(tmp_path_factory.mktemp("acme"), **own) as one:
        yield one


@pytest.fixture(scope="module")
def ca(secure: Deployment) -> Pebble:
    """The CA, not started yet, where the container that asks it reaches the host."""
    edge = list(ipaddress.IPv4Network(secure.config["subnet"]).subnets())[1]
    one = Pebble(str(edge[1]), int(secure.config["frontendPort"]), validity=VALIDITY)
    secure.config |= {
        "tls": "acme",
        "acmeEmail": "admin@shop.test",
        "acmeDirectory": one.directory,
        "acmeRoot": one.directory_root,
    }
    return one


def test_certificates_come_and_renew(secure: Deployment, ca: Pebble) -> None:
    secure.up()
    without_a_ca(secure)
    with ca:
        it_is_asked_again(secure, ca)
        renewed_under_load_with_the_ca_away(secure, ca)
        kept_over_a_destroy(secure, ca)
        a_name_that_leads_elsewhere(secure, ca)


def without_a_ca(secure: Deployment) -> None:
    said = secure.tool("certificate")
    assert said.returncode == 0
    assert "error: the CA gives no certificate\n" in said.stderr
    assert "shop.test: no certificate yet; the CA is asked again at " in said.stderr
    assert "Connection refused" in said.stderr
    assert ask(f"{secure.url}/api/v1/say_hello")[2] == HELLO
    wait_until(lambda: secure.tool("status").returncode == 1, "it is unhealthy")
    assert "certificate of shop.test: no certificate yet; " in secure.tool("status").stdout


def it_is_asked_again(secure: Deployment, ca: Pebble) -> None:
    wait_until(lambda: ca.issued() == 1, "the first certificate", 120)
    with Visitor(secure.config["httpsPort"], ca.root()) as visitor:
        wait_until(visitor.is_served, "HTTPS")
        assert visitor.get("/api/v1/say_hello").content == HELLO
    wait_until(lambda: "days left" in state(secure), "a health check after it")
    assert secure.tool("certificate").stdout == "Certificate of shop.test: 0 days left\n"
    assert secure.tool("status").returncode == 0
    status, headers, _ = ask(f"{secure.url}/", headers={"Host": "shop.test"})
    assert (status, headers["location"]) == (
        308,
        f"https://shop.test:{secure.config['httpsPort']}/",
    )


def renewed_under_load_with_the_ca_away(secure: Deployment, ca: Pebble) -> None:
    requests = [
        Request(path=path, bodies=(body,), keep_alive=keep_alive)
        for keep_alive in (True, True, True, False)
        for path, body in (("/api/v1/say_hello", HELLO), ("/", page(secure)))
    ]
    edge = secure.engine.networks.get(f"{secure.config['networkName']}-edge")
    certifier = f"{secure.prefix}{CERTIFIER}"
    with Visitor(secure.config["httpsPort"], ca.root()) as visitor:
        url = f"https://shop.test:{visitor.port}"
        first = visitor.certificate()
        with load(url, requests, rate=RATE, tls=visitor.tls) as report:
            edge.disconnect(certifier)
            wait_until(lambda: "this failed" in state(secure), "a renewal in vain", VALIDITY)
            assert visitor.certificate() == first
            edge.connect(certifier)
            wait_until(lambda: visitor.certificate() != first, "the renewed one", VALIDITY)
            wait_until(lambda: report.sent > 10 * RATE, "enough was asked")
        assert_nothing_lost(report, seconds=9, rate=RATE)
    note("a certificate renewed, the CA away at first", report.summary())


def kept_over_a_destroy(secure: Deployment, ca: Pebble) -> None:
    secure.destroy()
    assert secure.left()["volumes"] == [f"{secure.prefix}certificates"]
    secure.up()
    with Visitor(secure.config["httpsPort"], ca.root()) as visitor:
        wait_until(visitor.is_served, "HTTPS")
    assert ca.accounts() == 1


def a_name_that_leads_elsewhere(secure: Deployment, ca: Pebble) -> None:
    ca.point("new.test", "127.0.0.9")
    secure.config["domain"] = "shop.test new.test"
    secure.up()
    said = secure.tool("certificate").stderr
    assert "new.test: " in said
    assert "127.0.0.9" in said
    with Visitor(secure.config["httpsPort"], ca.root()) as visitor:
        assert visitor.certificate()
        ca.point("new.test", "127.0.0.1")
        wait_until(lambda: visitor.is_served("new.test"), "the certificate has the new name", 120)


def state(secure: Deployment) -> str:
    return certificate.said(secure.engine.containers.get(f"{secure.prefix}{CERTIFIER}"))
