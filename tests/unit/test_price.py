"""What an update costs: from the steps of Pulumi's engine, by what the resources themselves say."""

import argparse
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.price import budgets
from tools.price.effects import BUDGETS, Effect, Price, price

STACK = "urn:pulumi:prod::microservices::"
Inputs = Mapping[str, object]
NONE: Inputs = {}
TMPFS: Any = {"driverOpts": {"type": "tmpfs"}}
SERVICE, GATEWAY = "microservices:index:WebService", "microservices:index:Gateway"


def component(name: str, op: str = "same", kind: str = SERVICE) -> dict[str, Any]:
    return {"op": op, "urn": f"{STACK}{kind}::{name}", "old": {}, "new": {}}


def step(
    op: str,
    kind: str,
    name: str,
    parent: str,
    changes: Inputs = NONE,
    /,
    **inputs: object,
) -> dict[str, Any]:
    """Return a step. `changes`: inputs that the new side has differently."""
    kind = f"docker:index/{kind.lower()}:{kind}"
    above = f"{STACK}{GATEWAY if parent == 'frontend' else SERVICE}::{parent}"
    retained = {"retainOnDelete": inputs.pop("retained", False)}
    common = {"parent": above, "id": f"id-of-{name}"}
    old = {**common, **retained, "inputs": inputs}
    new = {**common, "inputs": {**inputs, **changes}}
    whole = {"op": op, "urn": f"{STACK}{kind}::{name}", "old": old, "new": new}
    whole.pop({"create": "old", "delete": "new"}.get(op, ""), None)
    return whole


def container(op: str, name: str, parent: str, /, **inputs: object) -> dict[str, Any]:
    inputs = {"restart": "always", "networksAdvanced": [{"name": "prod"}], **inputs}
    return step(op, "Container", name, parent, **inputs)


def replica(op: str, name: str, **inputs: object) -> dict[str, Any]:
    return container(op, name, name.partition("-")[0], **inputs)


def effects(*steps: dict[str, Any]) -> dict[str, Effect]:
    return {item.urn.rpartition(":")[2]: item.effect for item in price(steps).items}


def test_nothing_changes() -> None:
    assert price([replica("same", "one")]) == Price()
    assert Price().line() == "Price: nothing changes"


def test_a_replica_of_several_is_drained() -> None:
    both = [replica("replace", "one"), replica("replace", "one-2")]
    assert effects(*both) == {"one": Effect.DRAINED, "one-2": Effect.DRAINED}
    assert price(both).line() == ("Price: 2 containers drained; no request lost, no data deleted")


@pytest.mark.parametrize(
    "other",
    [
        replica("create", "one-2"),  # not there yet when the first is replaced
        replica("same", "two"),
        container("same", "one-release", "one", restart="no"),
        container("same", "one-helper", "one"),
    ],
)
def test_the_only_replica_stops(other: dict[str, Any]) -> None:
    found = price([replica("replace", "one"), other])
    (gap,) = found.of(Effect.GAP)
    assert (gap.name, str(gap)) == ("one", "gap of about 10 s")
    assert found.line() == "Price: one stops for about 10 s; no data deleted"


def test_a_container_that_publishes_a_port_answers_before_it_is_healthy() -> None:
    port = [{"internal": 8080, "external": 8080}]
    found = price([replica("replace", "one", ports=port), replica("replace", "two")])
    assert found.line() == (
        "Price: one stops for about 2 s, two stops for about 10 s; no data deleted"
    )


def test_one_of_two_replicas_goes() -> None:
    assert effects(replica("same", "one"), replica("delete", "one-2")) == {"one-2": Effect.DRAINED}


def test_a_removed_service_no_longer_answers() -> None:
    steps = [component("one", "delete"), replica("delete", "one"), replica("delete", "one-2")]
    assert price(steps).line() == "Price: one, one-2 removed; no data deleted"


def test_all_replicas_of_another_kind_of_stack_stop() -> None:
    assert effects(replica("delete", "one"), replica("delete", "one-2")) == {
        "one": Effect.GAP,
        "one-2": Effect.GAP,
    }


def test_a_change_in_place_or_a_new_service_or_replica_costs_nothing() -> None:
    new = [component("two", "create"), replica("create", "two"), replica("create", "two-2")]
    steps = [replica("update", "one"), *new, replica("create", "one-2")]
    assert set(effects(*steps).values()) == {Effect.NOTHING}
    assert price(steps).line() == "Price: nothing stops; no request lost, no data deleted"


def test_a_container_that_somebody_has_taken_away_is_missed() -> None:
    port = [{"internal": 80, "external": 8000}]
    assert effects(component("one"), replica("create", "one")) == {"one": Effect.GAP}
    found = price([component("one"), replica("create", "one", ports=port)])
    assert [item.seconds for item in found.items] == [2]
    joined = container("create", "nginx", "frontend", networkMode="container:id-of-frontend")
    owner = container("same", "frontend", "frontend", ports=port)
    assert effects(owner, joined) == {"nginx": Effect.NOTHING}


def test_the_owner_of_the_port_stops_and_one_in_its_network_hands_over() -> None:
    port = [{"internal": 80, "external": 8000}]
    owner = {op: container(op, "frontend", "frontend", ports=port) for op in ("same", "replace")}
    joined = container("replace", "nginx", "frontend", networkMode="container:id-of-frontend")
    assert effects(owner["replace"]) == {"frontend": Effect.GAP}
    assert effects(owner["same"], joined) == {"nginx": Effect.DRAINED}
    assert effects(owner["replace"], joined) == {"frontend": Effect.GAP, "nginx": Effect.GAP}
    line = "Price: frontend, nginx stop for about 2 s; no data deleted"
    assert price([owner["replace"], joined]).line() == line
    network = step("replace", "Network", "edge", "", name="prod")
    assert [item.seconds for item in price([network, owner["replace"], joined]).of(Effect.GAP)] == [
        None,
        None,
    ]


def test_what_runs_once_for_the_gateway_is_a_reload() -> None:
    site = container("replace", "frontend-site", "frontend", restart="no")
    release = container("replace", "one-release", "one", restart="no")
    assert effects(site, release) == {"frontend-site": Effect.RELOAD, "one-release": Effect.NOTHING}
    assert price([site]).line() == "Price: 1 reload; no request lost, no data deleted"


def test_what_nobody_waits_for_costs_nothing() -> None:
    certifier = container("replace", "frontend-certificates", "frontend", wait=False)
    assert effects(certifier) == {"frontend-certificates": Effect.NOTHING}


def test_a_network_stops_all_that_are_on_it() -> None:
    network = step("replace", "Network", "deploy", "", name="prod")
    both = [replica("replace", "one"), replica("replace", "one-2")]
    found = price([network, *both])
    assert {item.name for item in found.of(Effect.GAP)} == {"one", "one-2"}
    assert found.line() == (
        "Price: one, one-2 stop while the network is made anew; no data deleted"
    )


class TestVolumes:
    """Only what a container that runs writes to is data."""

    def found(self, op: str, *, retained: bool, **mount: object) -> Price:
        mounts = [{"source": "shop-db", "target": "/data", **mount}]
        volume = step(op, "Volume", "shop-db", "shop", name="shop-db", retained=retained)
        return price([volume, replica("same", "shop", mounts=mounts)])

    @pytest.mark.parametrize("op", ["delete", "replace"])
    def test_data_is_deleted(self, op: str) -> None:
        line = "Price: data of shop-db deleted; no request lost"
        assert self.found(op, retained=False).line() == line

    @pytest.mark.parametrize("op", ["delete", "replace"])
    def test_data_is_kept(self, op: str) -> None:
        found = self.found(op, retained=True)
        assert found.exceeded(BUDGETS) == []
        assert "data of shop-db kept, but no longer used" in found.line()

    def test_what_the_program_fills_is_no_data(self) -> None:
        found = self.found("delete", retained=False, readOnly=True)
        assert [item.effect for item in found.items] == [Effect.NOTHING]

    def test_a_volume_in_memory_has_none(self) -> None:
        mounts = [{"source": "drained"}]
        volume = step("delete", "Volume", "drained", "frontend", name="drained", **TMPFS)
        gateway = container("same", "frontend", "frontend", mounts=mounts)
        assert effects(volume, gateway) == {"drained": Effect.NOTHING}

    def test_another_label_deletes_nothing(self) -> None:
        found = self.found("update", retained=False)
        assert [item.effect for item in found.items] == [Effect.NOTHING]


class TestSwarm:
    """A swarm's manager replaces the tasks, in the order that the service names."""

    def effect(self, op: str, order: str, changes: Inputs) -> Effect:
        inputs = {"updateConfig": {"order": order}, "taskSpec": {"x": 1}, "mode": {"n": 1}}
        (item,) = price([step(op, "Service", "one", "one", changes, **inputs)]).items
        return item.effect

    @pytest.mark.parametrize(
        ("op", "order", "changes", "effect"),
        [
            ("update", "start-first", {"taskSpec": {"x": 2}}, Effect.DRAINED),
            ("update", "stop-first", {"taskSpec": {"x": 2}}, Effect.GAP),
            ("update", "stop-first", {"mode": {"n": 2}}, Effect.NOTHING),
            ("replace", "start-first", {}, Effect.GAP),
            ("delete", "start-first", {}, Effect.REMOVED),
            ("create", "start-first", {}, Effect.NOTHING),
        ],
    )
    def test_an_update(self, op: str, order: str, changes: Inputs, effect: Effect) -> None:
        assert self.effect(op, order, changes) == effect


def exceeded(budget: Iterable[str], *steps: dict[str, Any]) -> list[str]:
    return price(steps).exceeded(budget)


def test_a_budget() -> None:
    gap, reload = replica("replace", "one"), container("replace", "a", "frontend", restart="no")
    assert exceeded(["no-loss", "no-data"], gap) == ["no-loss"]
    assert exceeded(["no-data"], gap) == []
    assert exceeded(["no-loss", "no-data"], reload) == []
    data = TestVolumes().found("delete", retained=False)
    assert data.exceeded(["no-loss", "no-data"]) == ["no-data"]
    assert budgets.read("no-loss, no-data") == ("no-loss", "no-data")
    assert budgets.read("") == ()


def test_a_budget_that_there_is_not() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="'no-los' is no budget; there are no-lo"):
        budgets.read("no-los,no-data")


def test_what_is_too_expensive_is_named() -> None:
    found = price([replica("replace", "one")])
    said = str(budgets.refusal(found, ["no-loss"]))
    assert "the price exceeds the budget no-loss\n" in said
    assert "why:   one: gap of about 10 s\n" in said


def test_the_page_has_every_effect() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "preview.md").read_text()
    section = page.partition("## The price")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE) == list(Effect)
