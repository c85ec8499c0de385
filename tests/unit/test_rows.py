"""What a row and the configuration say of a service, and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra import secret_files, table
from infra.admission import Refused
from infra.settings import Limits
from policy.resource import CONTAINER, Resource
from policy.rules import RULES
from tests.support import configured
from tests.support.program import Recorder, declare
from tests.support.swarm_program import CONFIG, on_a_swarm, services_of
from topology import SERVICES, Service

FIRST, SECOND = SERVICES
WHOLE = replace(
    FIRST,
    env={"COLOUR": "green"},
    secrets=("TOKEN",),
    volumes={"files": "/data"},
    egress=True,
    memory=96,
    cpus=0.5,
    processes=40,
)
VALUE = "5f3c9a71"
SECRET: dict[str, Any] = {"services": {FIRST.name: {"secrets": {"TOKEN": VALUE}}}}


def read(row: Service, config: Mapping[str, object], *secret: str) -> list[str]:
    """Return the errors of the table with this row and the configuration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configured, "SERVICES", (row, SECOND))
        try:
            configured.read(config, secret)
        except Refused as refused:
            return refused.lines
    return []


def declared(monkeypatch: pytest.MonkeyPatch, row: Service, **config: object) -> Recorder:
    monkeypatch.setattr("topology.SERVICES", (row, SECOND))
    monkeypatch.setattr("infra.reader.Reader.is_secret", lambda *_: True)
    monkeypatch.setattr(secret_files, "unprotected", lambda _: [])
    return declare(**config)


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("env", {"PORT": "1"}, "PORT, HOST, GRACEFUL_SECONDS, PING_SECONDS and STREAM_SECONDS are"),
        ("env", {"STREAM_SECONDS": "1"}, "are set already"),
        ("env", {"A B": "1"}, "names of variables"),
        ("env", ["A=1"], "names of variables"),
        ("secrets", "TOKEN", 'a tuple of names, each once, such as ("TOKEN",)'),
        ("secrets", ("A", "A"), "each once"),
        ("secrets", ("../A",), "a tuple of names"),
        ("volumes", {"a": "data"}, "a folder each"),
        ("volumes", {"a": "/data", "b": "/data"}, "no two the same"),
        ("streams", -1, "seconds from 1 to 600, or 0 for a service without streams"),
        ("streams", 601, "seconds from 1 to 600"),
        ("streams", 2.5, "seconds from 1 to 600"),
        ("streams", True, "seconds from 1 to 600"),
        ("streams", "5", "seconds from 1 to 600"),
        ("streams", None, "seconds from 1 to 600"),
        ("egress", "yes", "True or False"),
        ("memory", 16, "a whole number from 48"),
        ("memory", "1g", "a whole number from 48"),
        ("memory", "96", "a whole number from 48"),
        ("cpus", -1, "or 0 for a fair share"),
        ("processes", 1, "a whole number from 8"),
        ("max_body", 20_000, "a whole number from 1 to 16384"),
        ("container", "a b", "a name of two or more letters"),
        ("port", 0, "a port"),
        ("call", "orders", "a path, such as '/orders'"),
        ("prefix", "api/v3/", "a path with / at both ends"),
        ("prefix", "/api v3/", "or '' for no route"),
        ("host_port", 65536, "or 0 for none"),
        ("health", "pg_isready", "a tuple of a program and its arguments"),
        ("health", ("",), "a tuple of a program and its arguments"),
        ("release_command", ["migrate"], "or () for none"),
        ("depends_on", "database", "a tuple of names"),
    ],
)
def test_a_field_that_cannot_work_is_named_with_what_is_right(
    field: str, value: object, right: str
) -> None:
    assert table.wrong(SERVICES) == []
    assert table.wrong([WHOLE, SECOND]) == []
    wrong: dict[str, Any] = {field: value}
    (line,) = table.wrong([replace(FIRST, **wrong), SECOND])
    assert line.startswith(f"topology.py: {FIRST.name!r} has {field}={value!r}; it must be ")
    assert right in line


@pytest.mark.parametrize("field", ["name", "container", "prefix"])
def test_two_rows_with_one_name_or_route_are_refused(field: str) -> None:
    same: dict[str, Any] = {field: getattr(FIRST, field)}
    (line,) = table.wrong([replace(FIRST, calls=()), replace(SECOND, **same)])
    assert line.startswith(f"topology.py: {same.get('name', SECOND.name)!r} has {field}=")
    assert "which 'microservice1' has; each row must have one of its own" in line


def test_a_row_depends_on_rows_above_it() -> None:
    assert table.wrong([FIRST, replace(SECOND, depends_on=(FIRST.name,))]) == []
    for name, above in ((SECOND.name, "microservice1"), ("nothing", "microservice1")):
        (line,) = table.wrong([FIRST, replace(SECOND, depends_on=(name,))])
        assert line == (
            f"topology.py: 'microservice2' depends on {name!r}, which is no row above it; "
            f"above it are {above}"
        )


@pytest.mark.parametrize("mode", ["development", "production"])
def test_a_row_without_a_route_is_not_served(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    row = replace(WHOLE, prefix="", host_port=0, health=("check", "it"), calls=(), chain="")
    seen = declared(monkeypatch, row, mode=mode, **SECRET)
    one = seen.containers()[FIRST.name]
    assert one["healthcheck"]["tests"] == ["CMD", "check", "it"]
    assert one["ports"] == []
    (blocks,) = (
        build
        for (_, _), inputs in seen.seen.items()
        if "TOPOLOGY" in (build := (inputs.get("build") or {}).get("buildArgs") or {})
    )
    assert SECOND.name in blocks["LOCATIONS"]
    assert SECOND.container in blocks["UPSTREAMS"]
    assert FIRST.name not in blocks["LOCATIONS"] + blocks["UPSTREAMS"] + blocks["TOPOLOGY"]


@pytest.mark.parametrize("mode", ["development", "production"])
def test_a_release_command_runs_once_before_the_replicas(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    row = replace(WHOLE, release_command=("python3", "migrate.py"))
    seen = declared(monkeypatch, row, mode=mode, namePrefix="a-", **SECRET)
    once, one = (seen.containers()[name] for name in ("microservice1-release", FIRST.name))
    assert once["name"] == "a-router_one_release"
    assert once["command"] == ["python3", "migrate.py"]
    assert (once["restart"], once["mustRun"], once["attach"]) == ("no", False, True)
    for same in ("image", "envs", "volumes", "user", "memory"):
        assert once[same] == one[same]
    assert "mounts" not in once
    ours, others = (c["networksAdvanced"][0]["ipv4Address"] for c in (once, one))
    assert ours != others
    assert not [v for rule in RULES for v in rule.violations(Resource(CONTAINER, once))]


def test_a_row_without_a_route_on_a_swarm(monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(FIRST, prefix="", host_port=0, health=("check", "it"), calls=(), chain="")
    with on_a_swarm():
        seen = declared(monkeypatch, row, **CONFIG)
    tests = services_of(seen)[FIRST.name]["taskSpec"]["containerSpec"]["healthcheck"]["tests"]
    assert tests == ["CMD", "check", "it"]


def test_a_swarm_runs_no_release_command() -> None:
    row = replace(FIRST, release_command=("migrate",))
    (line,) = read(row, {"mode": "swarm", "registry": "localhost:5000"})
    assert line.startswith("topology.py: 'microservice1' has a release_command; a swarm runs none")


def test_all_wrong_fields_are_named_at_once() -> None:
    assert len(read(replace(FIRST, memory=1, cpus=-1, timeout=0, streams=-1), {})) == 4


def test_a_service_on_the_chassis_has_one_folder_for_a_volume() -> None:
    (line,) = table.wrong([replace(FIRST, volumes={"files": "/var/files"}), SECOND])
    assert line.startswith("topology.py: 'microservice1' has volumes={'files': '/var/files'}; ")
    assert "'/data'" in line


def test_the_stack_says_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"env": {"COLOUR": "blue", "SIZE": 3, "ON": True}, "memory": "200", "cpus": "1.5"}
    monkeypatch.setattr(configured, "SERVICES", (replace(WHOLE, secrets=()), SECOND))
    settings = configured.read({"services": {FIRST.name: own}})
    assert settings.env == {
        FIRST.name: {"COLOUR": "blue", "SIZE": "3", "ON": "true"},
        SECOND.name: {},
    }
    assert settings.limits == {FIRST.name: Limits(200, 1.5, 40), SECOND.name: Limits(128, 0, 64)}


def test_a_secret_needs_a_value_that_is_encrypted_and_a_row_that_names_it() -> None:
    path = "services.microservice1.secrets.TOKEN"
    command = f"pulumi config set --secret --path {path}"
    assert read(WHOLE, {}) == [f"{path}: it has no value; {command} asks for it"]
    assert read(WHOLE, SECRET) == [f"{path}: it is stored as plain text; {command} encrypts it"]
    assert read(WHOLE, SECRET, "services") == []
    (line,) = read(FIRST, SECRET, "services")
    assert line.startswith(f"{path}: topology.py names no such secret; ")
    for secret in ((), ("services",)):
        lines = read(WHOLE, {"services": {FIRST.name: {"secrets": VALUE}}}, *secret)
        assert len(lines) == 2
        assert VALUE not in "".join(lines)


def test_no_settings_show_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured, "SERVICES", (WHOLE, SECOND))
    assert VALUE not in repr(configured.read(SECRET, ["services"]))


@pytest.mark.parametrize(
    ("mode", "passphrase", "salted", "refused"),
    [
        ("production", "", True, True),
        ("swarm", "", True, True),
        ("production", "a passphrase", True, False),
        ("production", "", False, False),
        ("development", "", True, False),
    ],
)
def test_secrets_of_a_server_need_a_passphrase(  # noqa: PLR0913  a parameter each
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,  # noqa: ANN401  a Path
    mode: str,
    passphrase: str,
    *,
    salted: bool,
    refused: bool,
) -> None:
    monkeypatch.setattr(configured, "SERVICES", (WHOLE, SECOND))
    monkeypatch.setattr("infra.sources.ROOT", tmp_path)
    monkeypatch.setattr("pulumi.get_stack", lambda: "unit")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", passphrase)
    (tmp_path / "Pulumi.unit.yaml").write_text("encryptionsalt: v1\n" if salted else "config:\n")
    settings = configured.read({"mode": mode} | SECRET, ["services"])
    warned: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", warned.append)
    lines = secret_files.unprotected(settings)
    assert bool(lines) is refused
    assert bool(warned) is (mode == "development")
    assert all("change-secrets-provider" in line for line in lines + warned)


def test_a_volume_has_one_container_that_writes_to_it() -> None:
    row = replace(FIRST, volumes={"files": "/data"})
    production: dict[str, object] = {"mode": "production", "replicas": 2}
    assert read(row, production) == []
    (line,) = read(row, production | {"services": {FIRST.name: {"replicas": 3}}})
    assert line.startswith("services.microservice1.replicas: 3 is not right; it must be 1")
    (line,) = read(row, {"mode": "swarm", "replicas": 2, "registry": "localhost:5000"})
    assert line.startswith("services.microservice1.placement: a volume is on one node")


@pytest.mark.parametrize("mode", ["development", "production"])
def test_what_is_declared_for_a_row(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    seen = declared(monkeypatch, WHOLE, mode=mode, namePrefix="a-", **SECRET)
    one, other = seen.containers()[FIRST.name], seen.containers()[SECOND.name]
    assert "COLOUR=green" in one["envs"]
    assert (one["memory"], one["memorySwap"], one["cpus"]) == (96, 96, "0.5")
    assert {"label": "microservices.pids-limit", "value": "40"} in one["labels"]
    assert {"type": "volume", "target": "/data", "source": "a-microservice1-files"} in one["mounts"]
    assert one["volumes"] == [{"fromContainer": "microservice1-secrets", "readOnly": True}]
    attached = [network["name"] for network in one["networksAdvanced"]]
    assert attached == ["deploy", *(["deploy-microservice1"] if mode == "production" else [])]
    assert "volumes" not in other
    assert len(other["networksAdvanced"]) == 1


def test_secrets_are_in_a_container_that_never_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = declared(monkeypatch, WHOLE, **SECRET)
    holder = seen.containers()["microservice1-secrets"]
    assert (holder["start"], holder["networkMode"]) == (False, "none")
    assert pulumi.runtime.rpc._special_sig_key in holder["uploads"], "Pulumi would show it"  # noqa: SLF001  Pulumi's mark of a secret
    assert holder["uploads"]["value"] == [{"file": "/run/secrets/TOKEN", "content": VALUE}]
    assert not [v for rule in RULES for v in rule.violations(Resource(CONTAINER, holder))]


def test_what_is_declared_on_a_swarm(monkeypatch: pytest.MonkeyPatch) -> None:
    placement = {"placement": ["node.hostname==one"], **SECRET["services"][FIRST.name]}
    with on_a_swarm():
        seen = declared(monkeypatch, WHOLE, **CONFIG | {"services": {FIRST.name: placement}})
    service = services_of(seen)[FIRST.name]
    spec = service["taskSpec"]["containerSpec"]
    assert spec["env"]["COLOUR"] == "green"
    assert [mount["target"] for mount in spec["mounts"]] == ["/tmp", "/data"]
    assert [secret["fileName"] for secret in spec["secrets"]] == ["/run/secrets/TOKEN"]
    limits = service["taskSpec"]["resources"]["limits"]
    assert limits == {"memoryBytes": 96 * 2**20, "nanoCpus": 500_000_000}
    assert service["updateConfig"]["order"] == "stop-first"
