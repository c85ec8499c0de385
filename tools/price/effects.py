"""The price of an update: what each resource that changes costs the clients, and the whole.

Everything follows from what the resources say in the engine's events: no list names them here.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

Step = Mapping[str, Any]  # the metadata of an event: urn, op, old, new

GONE, REPLACED = "delete", "replace"
CHANGES = ("create", "import", "update", REPLACED, GONE)
# From the last answer of a container to the first one of the next, as docs/reliability.md has
# measured it. Requests that are still open when it is stopped make it longer.
GAP_SECONDS = 2
# The same, if only the gateway asks it: it drains it first, and then waits until it is healthy.
BEHIND_THE_GATEWAY_SECONDS = 10
ROLLED_OUT = ("taskSpec", "endpointSpec")  # of a swarm's service: they make new tasks


class Effect(StrEnum):
    """What clients notice, from nothing to the worst."""

    NOTHING = "nothing"
    RELOAD = "reload"
    DRAINED = "drained"
    KEPT = "data kept, unused"
    GAP = "gap"
    REMOVED = "removed"
    DELETED = "data deleted"


LOSSES = {Effect.GAP, Effect.REMOVED}
BUDGETS = {"no-loss": LOSSES, "no-data": {Effect.DELETED}}


@dataclass(frozen=True, kw_only=True)
class Item:
    urn: str
    name: str
    effect: Effect
    seconds: int | None = None  # of a gap: how long it lasts, if that is known

    def __str__(self) -> str:
        about = f" of about {self.seconds} s" if self.seconds else ""
        return f"{self.effect}{about}"


@dataclass(frozen=True)
class Price:
    items: tuple[Item, ...] = ()  # one for each resource that changes

    def of(self, *effects: Effect) -> list[Item]:
        return [item for item in self.items if item.effect in effects]

    @property
    def loses(self) -> bool:
        return bool(self.of(*LOSSES))

    def exceeded(self, budget: Iterable[str]) -> list[str]:
        """Return the parts of the budget that this price exceeds."""
        return [part for part in budget if self.of(*BUDGETS[part])]

    def line(self) -> str:
        if not self.items:
            return "Price: nothing changes"
        return "; ".join([f"Price: {self.summary()}", *self._verdict()])

    def summary(self) -> str:
        return ", ".join(self._parts()) or "nothing stops"

    def _verdict(self) -> list[str]:
        good = ["no request lost"] * (not self.loses)
        good += ["no data deleted"] * (not self.of(Effect.DELETED))
        return [", ".join(good)] if good else []

    def _parts(self) -> list[str]:
        gaps = self.of(Effect.GAP)
        parts = [_stops(gaps, s) for s in (GAP_SECONDS, BEHIND_THE_GATEWAY_SECONDS, None)]
        for effect, says in (
            (Effect.REMOVED, "{} removed"),
            (Effect.DELETED, "data of {} deleted"),
            (Effect.KEPT, "data of {} kept, but no longer used"),
        ):
            if found := self.of(effect):
                parts.append(says.format(_names(found)))
        parts.append(_counted(self.of(Effect.DRAINED), "container{} drained"))
        parts.append(_counted(self.of(Effect.RELOAD), "reload{}"))
        return [part for part in parts if part]


def logged(log: Path) -> Iterator[Step]:
    """Yield the steps in the file of `--event-log`, which may be missing or end in a torn line."""
    for line in log.read_text().splitlines() if log.exists() else ():
        if '"resourcePreEvent"' in line and line.endswith("}"):
            yield json.loads(line)["resourcePreEvent"]["metadata"]


def price(steps: Iterable[Step]) -> Price:
    """Return what the steps of a preview or an update cost. They include what stays the same."""
    every = list(steps)
    resources = [_Resource(step) for step in every if step["op"] in (*CHANGES, "same")]
    stack = _Stack(resources)
    changing = [one for one in resources if one.op in CHANGES]
    return Price(tuple(_item(one, stack) for one in sorted(changing, key=lambda r: r.urn)))


def _item(one: "_Resource", stack: "_Stack") -> Item:
    effect, seconds = _EFFECTS.get(one.kind, _none)(one, stack)
    name = str(one.old.get("name", one.name)) if one.kind == "Volume" else one.name
    return Item(urn=one.urn, name=name, effect=effect, seconds=seconds)


class _Resource:
    def __init__(self, step: Step) -> None:
        self.op, self.urn = str(step["op"]), str(step["urn"])
        *_, kind, self.name = self.urn.split("::")
        self.kind = kind.rpartition(":")[2]
        old, new = step.get("old") or {}, step.get("new") or {}
        self.old: Mapping[str, Any] = old.get("inputs") or {}
        self.new: Mapping[str, Any] = new.get("inputs") or {}
        self.inputs = self.old or self.new
        self.id = str(old.get("id", ""))
        self.parent = str((old or new).get("parent", ""))
        self.is_retained = bool(old.get("retainOnDelete"))

    @property
    def existed(self) -> bool:
        return self.op not in ("create", "import")

    @property
    def is_stopped(self) -> bool:
        return self.op in (REPLACED, GONE)

    @property
    def runs_on(self) -> bool:
        """Whether it is a container that is to run for good, not one that does a job once."""
        return self.kind == "Container" and self.inputs.get("restart") != "no"

    @property
    def service(self) -> str:
        """The service whose replica it is, by the rule for their names; empty if it is none."""
        parent = self.parent.rpartition("::")[2]
        return parent if re.fullmatch(rf"{re.escape(parent)}(-\d+)?", self.name) else ""

    def of(self, key: str, name: str) -> set[str]:
        """Return a field of each element of a list in its inputs."""
        return {str(element.get(name)) for element in self.inputs.get(key) or ()}


class _Stack:
    """What an effect depends on beside the resource itself."""

    def __init__(self, resources: Sequence[_Resource]) -> None:
        self.running = [one for one in resources if one.runs_on and one.existed]
        stopped = [one for one in resources if one.is_stopped]
        self.gone = {one.urn for one in stopped if one.op == GONE}
        self._made = {one.urn for one in resources if not one.existed}
        self.networks = {str(one.old.get("name")) for one in stopped if one.kind == "Network"}
        self._by_id = {one.id: one for one in self.running if one.id}

    def owner(self, one: _Resource) -> _Resource | None:
        """Return the container in whose network it is, and which serves while it is away."""
        mode = str(one.inputs.get("networkMode"))
        return self._by_id.get(mode.removeprefix("container:"))

    def is_new(self, one: _Resource) -> bool:
        """Whether its service is new too; else somebody has taken the container away."""
        return not one.existed and one.parent in self._made

    def loses_its_network(self, one: _Resource) -> bool:
        owner = self.owner(one) or one
        return bool(owner.of("networksAdvanced", "name") & self.networks)

    def others(self, one: _Resource) -> list[_Resource]:
        """Return the other replicas, which serve while this one does not."""
        return [
            other
            for other in self.running
            if one.service and (other.parent, other.service) == (one.parent, one.service)
            if other is not one and (one.op == REPLACED or other.op != GONE)
        ]

    def has_data(self, volume: _Resource) -> bool:
        """Whether a container that runs writes to it; others are filled by the program itself."""
        is_in_memory = (volume.old.get("driverOpts") or {}).get("type") == "tmpfs"
        return not is_in_memory and any(
            mount.get("source") == volume.old.get("name") and not mount.get("readOnly")
            for one in self.running
            for mount in one.old.get("mounts") or ()
        )


Answer = tuple[Effect, int | None]


def _none(*_: object) -> Answer:
    return Effect.NOTHING, None


def _container(one: _Resource, stack: _Stack) -> Answer:
    if not one.runs_on:  # what it does once for the gateway makes nginx reload
        is_gateways = ":Gateway::" in one.parent and one.op == REPLACED
        return (Effect.RELOAD if is_gateways else Effect.NOTHING), None
    if one.op == "update" or one.inputs.get("wait") is False or stack.is_new(one):
        return Effect.NOTHING, None
    if stack.loses_its_network(one):
        return Effect.GAP, None
    owner = stack.owner(one)
    if (owner and not owner.is_stopped) or stack.others(one):
        return Effect.DRAINED if one.is_stopped else Effect.NOTHING, None
    if one.op == GONE and one.parent in stack.gone:
        return Effect.REMOVED, None
    is_published = (owner or one).inputs.get("ports")
    return Effect.GAP, GAP_SECONDS if is_published else BEHIND_THE_GATEWAY_SECONDS


def _swarm_service(one: _Resource, _: _Stack) -> Answer:
    if one.op == GONE:
        return Effect.REMOVED, None
    if one.op == REPLACED:
        return Effect.GAP, None
    if one.op != "update" or all(one.old.get(key) == one.new.get(key) for key in ROLLED_OUT):
        return Effect.NOTHING, None
    if (one.new.get("updateConfig") or {}).get("order") == "start-first":
        return Effect.DRAINED, None
    return Effect.GAP, GAP_SECONDS  # on one node after the other, or of the only replica


def _volume(one: _Resource, stack: _Stack) -> Answer:
    if not (one.is_stopped and stack.has_data(one)):
        return Effect.NOTHING, None
    return (Effect.KEPT if one.is_retained else Effect.DELETED), None


_EFFECTS = {"Container": _container, "Service": _swarm_service, "Volume": _volume}


def _stops(gaps: Iterable[Item], seconds: int | None) -> str:
    found = [item for item in gaps if item.seconds == seconds]
    if not found:
        return ""
    verb = "stops" if len(found) == 1 else "stop"
    long = f"for about {seconds} s" if seconds else "while the network is made anew"
    return f"{_names(found)} {verb} {long}"


def _names(items: Iterable[Item]) -> str:
    return ", ".join(dict.fromkeys(item.name for item in items))


def _counted(items: Sequence[Item], what: str) -> str:
    return f"{len(items)} {what.format('' if len(items) == 1 else 's')}" if items else ""
