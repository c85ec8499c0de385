"""What the program declares for HTTPS, under mocks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pulumi
import pytest

from infra.containers import MEMORY_OF_TLS
from tests.support.certificates import Authority, config
from tests.support.program import CONTAINER, ROOT, Recorder, declare
from tests.support.swarm_program import CONFIG, on_a_swarm, services_of

VOLUME = "docker:index/volume:Volume"
ACME = {
    "tls": "acme",
    "domain": "shop.test",
    "acmeEmail": "admin@shop.test",
    "acmeDirectory": "https://ca.test/dir",
    "namePrefix": "x-",
}


@contextmanager
def secret_key() -> Iterator[None]:
    pulumi.runtime.set_all_config({}, [f"{pulumi.get_project()}:tlsKey"])
    try:
        yield
    finally:
        pulumi.runtime.set_all_config({}, [])


def mounts(seen: Recorder, name: str) -> set[tuple[str, str, bool]]:
    mounted = seen.containers()[name]["mounts"]
    return {(m["target"], m["source"], bool(m.get("readOnly"))) for m in mounted}


@pytest.mark.parametrize("mode", ["development", "production"])
def test_a_container_asks_the_ca_and_the_gateway_only_reads_what_it_got(mode: str) -> None:
    seen = declare(mode=mode, **ACME)
    containers = seen.containers()
    asks, gateway = containers["frontend-certificates"], containers["frontend"]
    assert asks["name"] == "x-frontend-certificates"
    assert ("/certificates", "x-certificates", True) in mounts(seen, "frontend")
    assert mounts(seen, "frontend-certificates") == {("/certificates", "x-certificates", False)}
    assert set(asks["envs"]) == {
        "NAMES=shop.test",
        "EMAIL=admin@shop.test",
        "DIRECTORY=https://ca.test/dir",
    }
    assert not asks["ports"]
    assert not asks["wait"], "the site is up, whatever the CA says"
    (network,) = asks["networksAdvanced"]
    assert network["name"] == ("deploy-edge" if mode == "production" else "deploy")
    assert asks["user"] == gateway["user"]
    assert {(p["internal"], p["external"]) for p in gateway["ports"]} == {(80, 80), (443, 443)}
    plain = declare(mode=mode).containers()["frontend"]
    assert gateway["memory"] - plain["memory"] == MEMORY_OF_TLS


def test_a_certificate_from_files_is_carried_into_the_volume() -> None:
    issued = Authority().issue()
    with secret_key():
        seen = declare(mode="production", namePrefix="x-", **config(issued))
    (upload,) = seen.containers()["frontend-certificate"]["uploads"]["value"]  # a secret
    assert upload["file"] == "/certificates/site.pem"
    assert upload["content"] == f"{issued.certificate.strip()}\n{issued.key.strip()}\n"
    assert ("/certificates", "x-certificate", True) in mounts(seen, "frontend")
    assert "frontend-certificates" not in seen.containers()


def test_without_https_there_is_nothing_of_it() -> None:
    seen = declare(mode="production")
    assert {name for typ, name in seen.seen if typ == VOLUME} == {"drained", "site"}
    (port,) = seen.containers()["frontend"]["ports"]
    assert port["internal"] == 80
    assert (CONTAINER, "frontend-certificates") not in seen.seen


def test_on_a_swarm_the_certificate_is_a_secret() -> None:
    issued = Authority().issue()
    with on_a_swarm(), secret_key():
        declared = declare(**{**CONFIG, **config(issued)})
    gateway = services_of(declared)["frontend"]
    (secret,) = gateway["taskSpec"]["containerSpec"]["secrets"]
    assert secret["fileName"] == "/certificates/site.pem"
    published = {(p["targetPort"], p["publishedPort"]) for p in gateway["endpointSpec"]["ports"]}
    assert published == {(80, 80), (443, 443)}


def test_the_memory_is_for_all_connections_that_nginx_takes() -> None:
    text = (ROOT / "nginx" / "nginx.conf").read_text()
    (workers,) = re.findall(r"worker_processes (\d+);", text)
    (each,) = re.findall(r"worker_connections (\d+);", text)
    assert int(workers) * int(each) * 24 / 1024 == MEMORY_OF_TLS
