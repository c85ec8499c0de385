"""What the program declares for a swarm, under mocks."""

from dataclasses import replace
from typing import Any

import pytest

from infra import timeouts
from policy.resource import Resource
from policy.rules import RULES
from tests.support.program import Recorder, declare
from tests.support.swarm_program import CONFIG, on_a_swarm, services_of
from topology import SERVICES


@pytest.fixture(scope="module")
def declared() -> Recorder:
    with on_a_swarm():
        return declare(**CONFIG)


@pytest.fixture(scope="module")
def services(declared: Recorder) -> dict[str, dict[str, Any]]:
    return services_of(declared)


def test_a_service_a_row_and_a_gateway_a_node(services: dict[str, dict[str, Any]]) -> None:
    replicas = {s["name"]: s["mode"]["replicated"]["replicas"] for s in services.values()}
    assert replicas == {"router_one": 3, "router_two": 2, "frontend": 3}


def test_only_the_gateway_is_published_and_at_the_node_itself(
    services: dict[str, dict[str, Any]],
) -> None:
    published = {s["name"]: s["endpointSpec"].get("ports", []) for s in services.values()}
    (port,) = published.pop("frontend")
    assert (port["publishedPort"], port["targetPort"], port["publishMode"]) == (80, 80, "host")
    assert set(map(len, published.values())) == {0}
    assert {s["endpointSpec"]["mode"] for s in services.values()} == {"dnsrr"}


def test_updates_start_first_and_a_failed_one_is_rolled_back(
    services: dict[str, dict[str, Any]],
) -> None:
    orders = {s["name"]: s["updateConfig"]["order"] for s in services.values()}
    first = "start-first"
    assert orders == {"router_one": first, "router_two": first, "frontend": "stop-first"}
    for service in services.values():
        assert service["updateConfig"]["failureAction"] == "rollback"
        assert service["updateConfig"]["parallelism"] == 1
        assert service["convergeConfig"]


def test_a_task_has_what_its_row_needs_to_stop_and_the_gateway_what_the_slowest_does() -> None:
    slow = (replace(SERVICES[0], timeout=100), *SERVICES[1:])
    for rows, first, converged in ((SERVICES, "15s", "240s"), (slow, "110s", "440s")):
        with on_a_swarm() as patch:
            patch.setattr("topology.SERVICES", rows)
            found = services_of(declare(**CONFIG))
        tasks = {name: s["taskSpec"]["containerSpec"] for name, s in found.items()}
        grace = {name: task["stopGracePeriod"] for name, task in tasks.items()}
        assert grace == {"microservice1": first, "microservice2": "15s", "frontend": first}
        assert found["microservice1"]["convergeConfig"]["timeout"] == converged
        for row in rows:
            graceful = str(timeouts.graceful(row.timeout))
            assert tasks[row.name]["env"]["GRACEFUL_SECONDS"] == graceful


def test_a_task_has_the_time_that_its_streams_may_take() -> None:
    """It waits for them itself, as the gateway drains nothing here."""
    with on_a_swarm() as patch:
        patch.setattr("topology.SERVICES", (replace(SERVICES[0], streams=100), *SERVICES[1:]))
        found = services_of(declare(**CONFIG))
    tasks = {name: s["taskSpec"]["containerSpec"] for name, s in found.items()}
    grace = {name: task["stopGracePeriod"] for name, task in tasks.items()}
    assert grace == {"microservice1": "115s", "microservice2": "15s", "frontend": "15s"}
    assert found["microservice1"]["convergeConfig"]["timeout"] == "460s"
    assert tasks["microservice1"]["env"]["STREAM_SECONDS"] == "100"
    assert tasks["microservice1"]["env"]["PING_SECONDS"] == "2.5"
    assert "STREAM_SECONDS" not in tasks["microservice2"]["env"]


def test_a_caller_has_the_address_of_what_it_calls(
    declared: Recorder, services: dict[str, dict[str, Any]]
) -> None:
    """The gateway cannot know callers by their addresses here: each has the routes of all."""
    env = services["microservice1"]["taskSpec"]["containerSpec"]["env"]
    assert env["MICROSERVICE2_URL"] == "http://frontend:8000/microservice2"
    aliases = {
        name: service["taskSpec"]["networksAdvanceds"][0]["aliases"]
        for name, service in services.items()
    }
    assert aliases["microservice1"] == ["microservice1", "router_one"]
    assert aliases["frontend"] == ["frontend"]
    image = declared.seen["docker:index/remoteImage:RemoteImage", "frontend"]
    assert "listen 8000" in image["build"]["buildArgs"]["UPSTREAMS"]
    assert "$caller" not in image["build"]["buildArgs"]["UPSTREAMS"]


def test_images_are_in_the_registry_by_their_content(declared: Recorder) -> None:
    images = [v for (typ, _), v in declared.seen.items() if typ.endswith("RemoteImage")]
    assert len(images) == 3
    for image in images:
        assert image["name"].startswith("registry.example.com:5000/team/")
        assert len(image["name"].rpartition("-")[2]) == 12


def test_it_keeps_the_policy_rules(declared: Recorder) -> None:
    found = [Resource(typ, inputs) for (typ, _), inputs in declared.seen.items()]
    assert [v for resource in found for rule in RULES for v in rule.violations(resource)] == []
