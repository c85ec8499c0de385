"""What the program declares, under mocks."""

from dataclasses import replace
from typing import Any

import pytest

from infra import health, standby, timeouts
from tests.support.program import CONTAINER, ROOT, Recorder, declare
from topology import SERVICES


@pytest.fixture(scope="module")
def declared() -> Recorder:
    return declare()


def test_named_containers_on_one_network(declared: Recorder) -> None:
    containers = declared.containers()
    names = {c["name"] for c in containers.values()}
    assert names == {"frontend", *(service.container for service in SERVICES)}
    assert names >= {"router_one", "router_two"}
    network = declared.seen["docker:index/network:Network", "deploy"]
    assert (network["name"], network["driver"]) == ("deploy", "bridge")
    for container in containers.values():
        (attached,) = container["networksAdvanced"]
        assert attached["name"] == "deploy"


def test_addresses_are_fixed_and_distinct(declared: Recorder) -> None:
    addresses = {c["networksAdvanced"][0]["ipv4Address"] for c in declared.containers().values()}
    assert len(addresses) == 1 + len(SERVICES)


def test_a_container_has_its_name_and_its_services_name_on_the_network(declared: Recorder) -> None:
    aliases = {
        c["name"]: c["networksAdvanced"][0]["aliases"] for c in declared.containers().values()
    }
    assert aliases["router_one"] == ["microservice1", "router_one"]
    assert aliases["router_two"] == ["microservice2", "router_two"]
    assert aliases["frontend"] == ["frontend"]
    production = declare(mode="production", replicas=2, namePrefix="x-").containers()
    (attached,) = production["microservice1-2"]["networksAdvanced"]
    assert attached["aliases"] == ["microservice1", "router_one_2"]


@pytest.mark.parametrize("mode", ["development", "production"])
def test_a_caller_has_the_address_of_what_it_calls_and_the_gateway_knows_the_caller(
    mode: str,
) -> None:
    seen = declare(mode=mode, namePrefix="x-").seen
    calls = ["CALL_SECONDS=4", "MICROSERVICE2_URL=http://frontend:8000/microservice2"]
    one, two = (seen[CONTAINER, name] for name in ("microservice1", "microservice2"))
    assert set(calls) < set(one["envs"])
    (gateway,) = seen[CONTAINER, "frontend"]["networksAdvanced"][:1]
    assert one["hosts"] == [{"host": "frontend", "ip": gateway["ipv4Address"]}]
    assert not two.get("hosts")
    assert not [env for env in two["envs"] if "URL" in env or "CALL" in env]
    (blocks,) = {
        v["build"]["buildArgs"]["UPSTREAMS"]
        for v in seen.values()
        if "UPSTREAMS" in v.get("build", {}).get("buildArgs", {})
    }
    address = f"    {one['networksAdvanced'][0]['ipv4Address']} microservice1;\n"
    assert (address in blocks) is (mode == "production")
    assert blocks.count("    listen 8000 ") == 1


def test_ports_and_bind_address_are_the_contract(declared: Recorder) -> None:
    ports = {c["name"]: c["ports"] for c in declared.containers().values()}
    contract = {
        "frontend": [{"internal": 80, "external": 80, "ip": "127.0.0.1"}],
        "router_one": [{"internal": 8080, "external": 8080, "ip": "127.0.0.1"}],
        "router_two": [{"internal": 8080, "external": 8081, "ip": "127.0.0.1"}],
    }
    assert {name: ports[name] for name in contract} == contract


def test_a_container_runs_as_its_image_does_with_a_limit_on_processes(declared: Recorder) -> None:
    folders = {"frontend": "nginx", **{s.name: "services" for s in SERVICES}}
    for name, container in declared.containers().items():
        dockerfile = (ROOT / folders[name] / "Dockerfile").read_text()
        assert f"USER {container['user']}\n" in dockerfile
        assert {"label": "microservices.pids-limit", "value": "64"} in container["labels"]


def test_everything_names_its_project_and_stack(declared: Recorder) -> None:
    for container in declared.containers().values():
        labels = {label["label"]: label["value"] for label in container["labels"]}
        assert labels["microservices.project"] == "microservices"
        assert labels["microservices.stack"] == "unit"
        assert labels["microservices.mounts"]


def test_an_image_tag_is_version_and_content(declared: Recorder) -> None:
    found = [v for (typ, _), v in declared.seen.items() if typ.endswith("RemoteImage")]
    assert len(found) == 1 + len(SERVICES)
    for image in found:
        version, _, content = image["name"].partition(":")[2].partition("-")
        assert version == "v1"
        assert len(content) == 12


def images(**config: object) -> list[dict[str, Any]]:
    return [v for (typ, _), v in declare(**config).seen.items() if typ.endswith("RemoteImage")]


def test_images_are_built_by_the_engine_whatever_builder_is_selected() -> None:
    for image in images(mode="production"):
        assert image["build"]["useLegacyBuilder"] is True
        assert image["build"]["builder"] == "default"


@pytest.mark.parametrize("mode", ["development", "production"])
def test_an_image_has_the_digest_of_its_tag_in_a_label(mode: str) -> None:
    for image in images(mode=mode):
        label = image["build"]["labels"]["microservices.content"]
        assert image["name"].endswith(f"-{label}")


def test_a_publication_has_the_version_that_its_image_will_serve() -> None:
    seen = declare(mode="production").seen
    (build,) = (
        v["build"]
        for (_, name), v in seen.items()
        if "VERSION" in v.get("build", {}).get("buildArgs", {})
    )
    own = {one["label"]: one["value"] for one in seen[CONTAINER, "frontend-site"]["labels"]}
    assert own["microservices.version"] == build["buildArgs"]["VERSION"]


def test_images_that_are_built_in_another_way_have_other_tags(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {image["name"] for image in images()}
    monkeypatch.setattr("infra.images.BUILT_BY", "something else")
    assert not before & {image["name"] for image in images()}


def test_the_first_check_does_not_wait_for_the_start_interval_of_newer_engines(
    declared: Recorder,
) -> None:
    for container in declared.containers().values():
        assert not {"startPeriod", "startInterval"} & container["healthcheck"].keys()


def test_of_many_containers_each_is_checked_less_often() -> None:
    production = declare(mode="production", replicas=15).containers()
    assert {c["healthcheck"]["interval"] for c in production.values() if "healthcheck" in c} == {
        "10s"
    }
    for watched, few in {True: "2s", False: "1.8s"}.items():
        assert health.interval(health.FEW, is_watched=watched) == few
        assert health.interval(health.FEW + 1, is_watched=watched) == "10s"


def test_a_row_with_streams_says_so_to_its_service_and_to_its_drain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "topology.SERVICES", (replace(SERVICES[0], streams=30, calls=()), *SERVICES[1:])
    )
    for mode in ("development", "production"):
        containers = declare(mode=mode).containers()
        first, other = containers["microservice1"], containers["microservice2"]
        assert {"label": "microservices.streams", "value": "30"} in first["labels"]
        assert first["envs"] == [*other["envs"], "PING_SECONDS=2.5"]
        assert "microservices.streams" not in str(other["labels"])
        assert other["destroyGraceSeconds"] == first["destroyGraceSeconds"]


def test_a_container_stops_as_its_row_says_and_the_gateway_as_the_slowest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = (replace(SERVICES[0], timeout=30), *SERVICES[1:])
    for services, first, gateway in ((SERVICES, 12, 12), (slow, 37, 37)):
        monkeypatch.setattr("topology.SERVICES", services)
        containers = declare().containers()
        stops = {name: c["destroyGraceSeconds"] for name, c in containers.items()}
        others = {service.name: 12 for service in SERVICES[1:]}
        assert stops == {"microservice1": first, **others, "frontend": gateway}
        assert stops == {name: c["stopTimeout"] for name, c in containers.items()}
        for service in services:
            graceful = timeouts.graceful(service.timeout)
            assert f"GRACEFUL_SECONDS={graceful}" in containers[service.name]["envs"]


def test_in_production_nginx_joins_the_network_of_a_container_that_stays() -> None:
    containers = declare(mode="production", namePrefix="x-").containers()
    owner, nginx = containers["frontend"], containers["frontend-nginx"]
    assert nginx["networkMode"] == "container:frontend"
    assert not {"hostname", "networksAdvanced"} & {key for key, value in nginx.items() if value}
    assert (owner["command"], nginx["command"]) == (["stand-by"], ["join"])
    assert [port["internal"] for port in owner["ports"]] == [80]
    assert not nginx["ports"]
    assert owner["sysctls"] == {"net.ipv4.tcp_migrate_req": "1"}
    assert owner["mounts"] == nginx["mounts"]
    assert nginx["destroyGraceSeconds"] > 65 > nginx["stopTimeout"]
    assert "8001" in nginx["healthcheck"]["tests"][3]
    assert "kill" not in str(owner["healthcheck"])
    assert "kill" in str(nginx["healthcheck"])
    assert "frontend-nginx" not in declare().containers()


@pytest.mark.parametrize(
    ("release", "migrates"), [("5.10.0-28-amd64", False), ("5.14.0", True), ("6.1.0-rc1", True)]
)
def test_the_kernel_hands_connections_over_since_5_14(release: str, *, migrates: bool) -> None:
    assert standby.can_migrate(release) is migrates
