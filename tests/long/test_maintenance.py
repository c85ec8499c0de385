"""Services and the page under maintenance: 503, and no replica is touched."""

import pytest

from tests.support.contract import HELLO, WHO, ask
from tests.support.deployment import Deployment
from tests.support.updates import ids

CLOSED = b'{"Code":5030,"Message":"Service Unavailable"}'


@pytest.fixture
def production(fresh: Deployment) -> Deployment:
    fresh.config |= {"mode": "production", "replicas": "2"}
    fresh.up()
    return fresh


def test_a_service_and_the_page_are_closed_apart(production: Deployment) -> None:
    before = ids(production)
    assert turn(production, "on", "microservice2") == "Closed: microservice2.\n"
    status, headers, body = ask(f"{production.url}/api/v2/who_am_i")
    assert (status, headers["retry-after"], body) == (503, "60", CLOSED)
    assert ask(f"{production.url}/api/v1/introduce")[0] == 502, "it calls the closed service"
    assert ask(f"{production.url}/api/v1/say_hello")[2] == HELLO
    assert ask(f"{production.url}/")[0] == 200
    assert turn(production, "on", "frontend") == "Closed: microservice2, frontend.\n"
    production.container("frontend").restart()
    production.wait_healthy("frontend")
    for path in ("/", "/app.js", "/api/v2/who_am_i"):
        status, headers, body = ask(f"{production.url}{path}")
        assert (status, headers["retry-after"], body) == (503, "60", CLOSED)
    assert ask(f"{production.url}/nothing")[0] == 503
    assert turn(production, "off") == "Closed: nothing.\n"
    assert ask(f"{production.url}/api/v2/who_am_i")[2] == WHO
    assert ask(f"{production.url}/")[0] == 200
    changed = {name for name, one in ids(production).items() if before.get(name) != one}
    assert changed == {"frontend-site"}


def test_what_is_no_service_cannot_be_closed(fresh: Deployment) -> None:
    for turned, name, said in (
        ("on", "microservice3", "S='microservice3' is no service"),
        ("maybe", "", "maintenance is turned on or off"),
    ):
        refused = fresh.tool("maintenance", turned, name)
        assert refused.returncode == 1
        assert f"error: {said}\n" in refused.stderr
    fresh.config["maintenance"] = ["microservice3"]
    refused = fresh.operate("preview", check=False)
    line = "maintenance: 'microservice3' is no service; there are frontend, microservice1, "
    assert line in refused.stdout


def turn(one: Deployment, turned: str, service: str = "") -> str:
    done = one.tool("maintenance", turned, service)
    assert done.returncode == 0, done.stderr
    one.config["maintenance"] = []
    one.take_over()
    one.up()
    return done.stdout
