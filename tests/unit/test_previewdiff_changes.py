"""Real engine events, recorded by `pulumi preview --event-log`, become what a reviewer reads."""

import json
from pathlib import Path

import pytest

from tools.previewdiff.changes import UNKNOWN, Preview, Property, read
from tools.previewdiff.differences import differences

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> Preview:
    lines = (RECORDED / f"{name}.jsonl").read_text().splitlines()
    return read(map(json.loads, lines))


def named(preview: Preview) -> list[tuple[str, str, str]]:
    return [(one.action, one.type, one.name) for one in preview.resources]


def properties(preview: Preview, kind: str, name: str) -> dict[str, Property]:
    [found] = [one for one in preview.resources if (one.type, one.name) == (kind, name)]
    return {one.path: one for one in found.properties}


def test_no_changes() -> None:
    assert recorded("none") == Preview()


def test_changed_in_place() -> None:
    preview = recorded("changed")
    names = ["frontend", "microservice1", "microservice2"]
    assert named(preview) == [("changed", "docker:Container", name) for name in names]
    memory = Property(path="memory", old=128, new=160)
    assert all(one.properties == (memory,) for one in preview.resources)


def test_replaced_tells_which_property_replaces() -> None:
    found = properties(recorded("violated"), "docker:Container", "microservice1")
    assert found["healthcheck.interval"].replaces
    assert (found["healthcheck.interval"].old, found["healthcheck.interval"].new) == ("2s", "3s")
    assert not found["memory"].replaces
    assert (found["envs[MODE]"].old, found["envs[MODE]"].new) == (None, "x")


def test_an_image_not_built_yet_has_its_name() -> None:
    found = properties(recorded("violated"), "docker:Container", "microservice1")
    assert found["image"].old == "microservice1:v1-67da86463ee9"
    assert found["image"].new == "microservice1:v1-bbedfe52442a"


def test_a_label_is_found_by_its_name_wherever_it_stands() -> None:
    found = properties(recorded("violated"), "docker:Container", "frontend")
    label = found["labels[microservices.mounts]"]
    assert (label.old, label.new) == ("f7ac2485065a-f317db295484", "08952904f204-f317db295484")
    assert [path for path in found if path.startswith("labels")] == [label.path]


def test_a_row_of_the_table_renamed() -> None:
    """The folder of one service gives way to another's; the gateway routes to it."""
    assert named(recorded("added_and_deleted")) == [
        ("replaced", "docker:Container", "frontend"),
        ("replaced", "docker:Container", "microservice1"),
        ("deleted", "docker:Container", "microservice2"),
        ("added", "docker:Container", "microservice3"),
        ("replaced", "docker:RemoteImage", "frontend"),
        ("deleted", "docker:RemoteImage", "microservice2"),
        ("added", "docker:RemoteImage", "microservice3"),
        ("deleted", "microservices:WebService", "microservice2"),
        ("added", "microservices:WebService", "microservice3"),
    ]
    added = properties(recorded("added_and_deleted"), "docker:Container", "microservice3")
    assert added["image"].new == "microservice3:v1-67da86463ee9"
    assert all(one.old is None for one in added.values())
    deleted = properties(recorded("added_and_deleted"), "docker:Container", "microservice2")
    assert deleted["image"].old == "microservice2:v1-63a95e35c2cd"
    assert all(one.new is None for one in deleted.values())


def test_a_secret_is_masked() -> None:
    found = properties(recorded("added_and_deleted"), "docker:Container", "microservice1")
    assert found["envs"].old == ["PORT=8080"]
    assert found["envs"].new == "[secret]"


def test_a_secret_that_differs_shows_without_either_value() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
    inputs = {"inputs": {"build": {"buildArgs": {"TOKEN": {**secret, "ciphertext": "[secret]"}}}}}
    step = {
        "op": "replace",
        "urn": "urn:pulumi:dev::microservices::docker:index/container:Container::one",
        "type": "docker:index/container:Container",
        "old": inputs,
        "new": inputs,
        "keys": ["build"],
        "detailedDiff": {"build.buildArgs.TOKEN": {}, "build.cpuSet": {}},
    }
    [resource] = read([{"resourcePreEvent": {"metadata": step}}]).resources
    path = "build.buildArgs.TOKEN"
    expected = Property(path=path, old="[secret]", new="[secret]", replaces=True)
    assert resource.properties == (expected,)


def test_containers_of_a_replaced_network() -> None:
    preview = recorded("network_replaced")
    assert {one.action for one in preview.resources} == {"replaced"}
    network = properties(preview, "docker:Network", "deploy")
    assert (network["name"].old, network["name"].new) == ("deploy", "deploy-x")


def test_a_program_that_fails() -> None:
    [error] = recorded("failed").errors
    assert "Program exited with non-zero exit code: 1" in error


def test_only_a_mandatory_policy_is_a_violation() -> None:
    preview = recorded("violated")
    assert [one.level for one in preview.violations] == ["advisory", *["mandatory"] * 3]
    assert preview.violated
    assert not Preview(violations=preview.violations[:1]).violated


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": []}, {}, []),
        ({}, {"a": {"b": 1}}, [("a.b", None, 1)]),
        ({"__defaults": [1]}, {"__defaults": []}, []),
        ({"e": ["A=1", "B=2"]}, {"e": ["B=2", "A=3"]}, [("e[A]", "1", "3")]),
        ({"d": ["ALL"]}, {"d": ["ALL", "NET"]}, [("d", ["ALL"], ["ALL", "NET"])]),
        ({"m": [{"target": "/a", "source": "x"}]}, {}, [
            ("m[0].source", "x", None), ("m[0].target", "/a", None),
        ]),
        (
            {"m": [{"target": "/a", "source": "x"}, {"target": "/b", "source": "y"}]},
            {"m": [{"target": "/b", "source": "z"}, {"target": "/a", "source": "x"}]},
            [("m[/b].source", "y", "z")],
        ),
        ({"p": [{"x": 1}, {"x": 2}]}, {"p": [{"x": 1}, {"x": 3}]}, [("p[1].x", 2, 3)]),
    ],
)  # fmt: skip
def test_differences(old: object, new: object, expected: list[object]) -> None:
    assert list(differences(old, new)) == expected


def test_an_unknown_that_is_no_image() -> None:
    step = {
        "op": "update",
        "urn": "urn:pulumi:dev::microservices::docker:index/container:Container::one",
        "type": "docker:index/container:Container",
        "old": {"inputs": {"hostname": "a"}},
        "new": {"inputs": {"hostname": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}},
    }
    [resource] = read([{"resourcePreEvent": {"metadata": step}}]).resources
    assert resource.properties == (Property(path="hostname", old="a", new=UNKNOWN),)
