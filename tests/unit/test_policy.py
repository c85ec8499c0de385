"""Each policy rule accepts what the program declares, and refuses a violation."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi_policy import proxy

from infra import labels
from policy import rules
from policy.resource import CONTAINER, IMAGE, SERVICE, Resource
from policy.rules import RULES
from tests.support.program import declare

ROOT = Path(__file__).resolve().parents[2]
HEX = "0123456789ab"
HEALTH = {"tests": ["CMD", "true"]}
BIND = {"type": "bind", "target": "/app", "source": "/srv/project/services", "readOnly": True}
GOOD: dict[str, dict[str, Any]] = {
    CONTAINER: {
        "image": f"sha256:{HEX:0<64}",
        "user": "10001:10001",
        "readOnly": True,
        "capabilities": {"drops": ["ALL"]},
        "securityOpts": ["no-new-privileges:true"],
        "memory": 128,
        "memorySwap": 128,
        "cpuShares": 512,
        "labels": [{"label": "microservices.pids-limit", "value": "64"}],
        "healthcheck": HEALTH,
        "restart": "always",
        "networksAdvanced": [{"name": "deploy"}],
        "mounts": [BIND],
        "ports": [{"internal": 80, "external": 80, "ip": "127.0.0.1"}],
        "logOpts": {"max-size": "10m"},
    },
    SERVICE: {
        "taskSpec": {
            "containerSpec": {
                "image": f"registry.example:5000/team/one:v1-{HEX}",
                "user": "10001:10001",
                "readOnly": True,
                "capDrops": ["ALL"],
                "healthcheck": HEALTH,
                "mounts": [{"type": "tmpfs", "target": "/tmp"}],
            },
            "resources": {"limits": {"memoryBytes": 134217728, "nanoCpus": 500000000}},
            "restartPolicy": {"condition": "any"},
            "networksAdvanceds": [{"name": "deploy"}],
            "logDriver": {"name": "json-file", "options": {"max-size": "10m"}},
        },
    },
    IMAGE: {
        "name": f"one:v1-{HEX}",
        "build": {"context": "services/one", "buildArgs": {"BASE_IMAGE": "python:3.13-slim"}},
    },
}
LABEL = labels.PIDS_LIMIT
ABSENT = object()
SPEC = "taskSpec.containerSpec"
# The rule that must fail, the resource type, the property, and its invalid value.
BROKEN = [
    ("non-root", CONTAINER, "user", ABSENT),
    ("non-root", CONTAINER, "user", "0"),
    ("non-root", CONTAINER, "user", "0:10001"),
    ("non-root", CONTAINER, "user", "root"),
    ("non-root", CONTAINER, "user", "nginx"),
    ("non-root", SERVICE, f"{SPEC}.user", ABSENT),
    ("read-only", CONTAINER, "readOnly", ABSENT),
    ("read-only", CONTAINER, "readOnly", False),
    ("read-only", CONTAINER, "mounts", [{**BIND, "readOnly": False}]),
    ("read-only", CONTAINER, "volumes", [{"hostPath": "/srv/x", "containerPath": "/x"}]),
    ("read-only", SERVICE, f"{SPEC}.readOnly", ABSENT),
    ("no-capabilities", CONTAINER, "capabilities", ABSENT),
    ("no-capabilities", CONTAINER, "capabilities", {"drops": ["NET_RAW"]}),
    ("no-capabilities", CONTAINER, "capabilities", {"drops": ["ALL"], "adds": ["CHOWN"]}),
    ("no-capabilities", SERVICE, f"{SPEC}.capDrops", ABSENT),
    ("no-capabilities", SERVICE, f"{SPEC}.capAdds", ["CHOWN"]),
    ("no-new-privileges", CONTAINER, "securityOpts", ABSENT),
    ("no-new-privileges", CONTAINER, "securityOpts", ["no-new-privileges:false"]),
    ("confined", CONTAINER, "securityOpts", ["no-new-privileges", "seccomp=unconfined"]),
    ("confined", CONTAINER, "securityOpts", ["no-new-privileges", "label=disable"]),
    ("not-privileged", CONTAINER, "privileged", True),
    ("memory-limit", CONTAINER, "memory", ABSENT),
    ("memory-limit", CONTAINER, "memorySwap", ABSENT),
    ("memory-limit", CONTAINER, "memorySwap", -1),
    ("memory-limit", SERVICE, "taskSpec.resources.limits.memoryBytes", ABSENT),
    ("cpu-share", CONTAINER, "cpuShares", ABSENT),
    ("cpu-share", SERVICE, "taskSpec.resources.limits.nanoCpus", ABSENT),
    ("process-limit", CONTAINER, "labels", ABSENT),
    ("process-limit", CONTAINER, "labels", [{"label": LABEL, "value": "0"}]),
    ("process-limit", CONTAINER, "labels", [{"label": LABEL, "value": "-1"}]),
    ("health-check", CONTAINER, "healthcheck", ABSENT),
    ("health-check", CONTAINER, "healthcheck", {"tests": ["NONE"]}),
    ("health-check", SERVICE, f"{SPEC}.healthcheck", ABSENT),
    ("restarts", CONTAINER, "restart", ABSENT),
    ("restarts", CONTAINER, "restart", "on-failure"),
    ("restarts", CONTAINER, "restart", "unless-stopped"),
    ("restarts", SERVICE, "taskSpec.restartPolicy.condition", "on-failure"),
    ("no-host-namespaces", CONTAINER, "networkMode", "host"),
    ("no-host-namespaces", CONTAINER, "pidMode", "host"),
    ("no-host-namespaces", CONTAINER, "ipcMode", "host"),
    ("no-host-namespaces", CONTAINER, "usernsMode", "host"),
    ("no-host-namespaces", CONTAINER, "networksAdvanced", [{"name": "host"}]),
    ("no-host-namespaces", SERVICE, "taskSpec.networksAdvanceds", [{"name": "host"}]),
    ("no-host-paths", CONTAINER, "devices", [{"hostPath": "/dev/sda"}]),
    ("no-host-paths", SERVICE, f"{SPEC}.mounts", [{**BIND, "source": "/run/docker.sock"}]),
    *[
        ("no-host-paths", CONTAINER, "mounts", [{**BIND, "source": source}])
        for source in (
            *("/", "//", "/etc", "/etc/", "/etc/ssl", "//etc", "/./etc", "/srv/../etc", "/usr"),
            *("/var", "/var/lib/docker/volumes", "/home", "/root", "/proc/1", "/dev/shm"),
            *("/var/run/docker.sock", "/run/docker.sock", "/srv/moved/docker.sock"),
        )
    ],
    *[
        ("no-host-paths", CONTAINER, "volumes", [{"hostPath": source, "readOnly": True}])
        for source in ("/", "/var/run/docker.sock")
    ],
    ("published-address", CONTAINER, "ports", [{"internal": 80, "external": 80}]),
    ("published-address", CONTAINER, "ports", [{"internal": 80, "ip": "0.0.0.0"}]),
    ("published-address", CONTAINER, "ports", [{"internal": 80, "ip": "::"}]),
    ("published-address", CONTAINER, "publishAllPorts", True),
    ("tagged-image", CONTAINER, "image", "nginx"),
    ("tagged-image", CONTAINER, "image", "nginx:latest"),
    ("tagged-image", SERVICE, f"{SPEC}.image", "registry.example:5000/one"),
    ("tagged-image", IMAGE, "name", "one"),
    ("tagged-image", IMAGE, "name", "one:latest"),
    ("tagged-image", IMAGE, "build.buildArgs.BASE_IMAGE", "python"),
    ("tagged-image", IMAGE, "build.buildArgs.BASE_IMAGE", "python:latest"),
    ("content-in-tag", CONTAINER, "image", "nginx:1.30"),
    ("content-in-tag", SERVICE, f"{SPEC}.image", "one:v1"),
    ("content-in-tag", IMAGE, "name", "one:v1"),
    ("content-in-tag", IMAGE, "name", "one:v1-0123"),
    ("bounded-logs", CONTAINER, "logOpts", ABSENT),
    ("bounded-logs", CONTAINER, "logOpts", {"max-file": "3"}),
    ("bounded-logs", SERVICE, "taskSpec.logDriver", ABSENT),
]
ALLOWED = [
    (CONTAINER, "user", "10001"),
    (CONTAINER, "image", f"nginx@sha256:{HEX:0<64}"),
    (CONTAINER, "cpus", "1.0"),
    (CONTAINER, "ports", ABSENT),
    (CONTAINER, "mounts", [{**BIND, "source": "/root/project"}]),
    (CONTAINER, "mounts", [{**BIND, "source": "/usr/src/project"}]),
    (CONTAINER, "mounts", [{**BIND, "source": "/etcetera"}]),
    (CONTAINER, "mounts", [{"type": "volume", "target": "/data", "source": "data"}]),
    (SERVICE, "taskSpec.restartPolicy", ABSENT),
    (IMAGE, "build", ABSENT),
]


def changed(kind: str, path: str, value: object) -> dict[str, Any]:
    properties = copy.deepcopy(GOOD[kind])
    *folders, key = path.split(".")
    place = properties
    for folder in folders:
        place = place[folder]
    place.pop(key, None) if value is ABSENT else place.update({key: value})
    return properties


def spoken(kind: str, properties: Mapping[str, Any], bind_address: str = "") -> set[str]:
    resource = Resource(kind, properties, bind_address)
    return {rule.name for rule in RULES if list(rule.violations(resource))}


@pytest.mark.parametrize("mode", ["development", "production"])
def test_what_the_program_declares_passes(mode: str) -> None:
    seen = declare(mode=mode, bindAddress="0.0.0.0").seen
    broken = {name: spoken(name[0], properties, "0.0.0.0") for name, properties in seen.items()}
    assert {kind for kind, _ in seen} >= {CONTAINER, IMAGE}
    assert set().union(*broken.values()) == set(), broken


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_one_passes(kind: str) -> None:
    assert spoken(kind, GOOD[kind]) == set()


@pytest.mark.parametrize(("rule", "kind", "path", "value"), BROKEN)
def test_one_thing_wrong_breaks_one_rule(rule: str, kind: str, path: str, value: object) -> None:
    assert spoken(kind, changed(kind, path, value)) == {rule}


@pytest.mark.parametrize(("kind", "path", "value"), ALLOWED)
def test_what_is_allowed(kind: str, path: str, value: object) -> None:
    assert spoken(kind, changed(kind, path, value)) == set()


def test_each_rule_is_broken_on_each_type_that_it_is_for() -> None:
    assert {(name, kind) for name, kind, *_ in BROKEN} == {
        (rule.name, kind) for rule in RULES for kind in rule.types
    }


def test_an_address_is_right_when_the_stack_says_so() -> None:
    at = {a: changed(CONTAINER, "ports", [{"ip": a}]) for a in ("0.0.0.0", "127.0.0.1", "10.0.0.1")}
    assert spoken(CONTAINER, at["0.0.0.0"], "0.0.0.0") == set()
    assert spoken(CONTAINER, at["10.0.0.1"], "10.0.0.1") == set()
    assert spoken(CONTAINER, at["127.0.0.1"], "0.0.0.0") == {"published-address"}
    assert spoken(CONTAINER, at["10.0.0.1"], "127.0.0.1") == {"published-address"}
    unset = changed(CONTAINER, "ports", [{"internal": 80, "external": 80}])
    assert spoken(CONTAINER, unset, "0.0.0.0") == {"published-address"}


def test_a_container_that_runs_once_needs_no_restart_and_no_health_check() -> None:
    once = {**GOOD[CONTAINER], "attach": True, "mustRun": False, "restart": "no"}
    del once["healthcheck"], once["labels"]
    assert spoken(CONTAINER, once) == set()
    assert spoken(CONTAINER, {**once, "restart": "always"}) == {"restarts"}
    assert spoken(CONTAINER, {**once, "attach": False}) == {
        *("health-check", "process-limit", "restarts")
    }


@pytest.mark.parametrize("kind", GOOD)
def test_no_property_at_all_is_a_violation_and_no_crash(kind: str) -> None:
    assert spoken(kind, {})


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind in GOOD for key in GOOD[kind]])
def test_a_value_that_is_not_known_yet_ends_in_the_one_error_that_the_pack_expects(
    kind: str, key: str
) -> None:
    unknown = {**GOOD[kind], key: proxy.UNKNOWN_STRING_VALUE}
    resource = Resource(kind, proxy.unknown_checking_proxy(unknown))
    stopped = []
    for rule in RULES:
        try:
            assert list(rule.violations(resource)) == []
        except proxy.UnknownValueError:
            stopped.append(rule.name)
    assert stopped


def test_a_log_that_is_not_on_the_engines_disk_needs_no_bound() -> None:
    driver = {**GOOD[CONTAINER], "logDriver": "journald", "logOpts": {}}
    assert [r.name for r in RULES if list(r.violations(Resource(CONTAINER, driver)))] == []


def test_each_rule_has_a_name_a_reason_and_a_source() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"[a-z-]+", rule.name)
        assert rule.reason.endswith(".")
        assert rule.source
        assert rule.link.startswith("https://")


def test_the_documentation_has_the_rules() -> None:
    assert rules.table() in (ROOT / "docs" / "policy.md").read_text()


def test_the_pack_runs_in_the_environment_of_the_program() -> None:
    pack = yaml.safe_load((ROOT / "policy" / "PulumiPolicy.yaml").read_text())
    program = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    venv = program["runtime"]["options"]["virtualenv"]
    assert pack["runtime"]["options"]["virtualenv"] == f"../{venv}"
