"""The resources that Pulumi's engine events say will change, property by property."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tools.previewdiff.differences import Json, differences
from tools.price.effects import Price, price

Event = Mapping[str, Json]

UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # sent for a value that is not known yet
HIDDEN_KEY = "4dabf18193072939515e22adb298388d"  # marks an object that stands for a secret
HIDDEN = "[secret]"
UNKNOWN = "(known after up)"
ACTIONS = {
    "create": "added",
    "import": "added",
    "update": "changed",
    "replace": "replaced",
    "delete": "deleted",
}


NO_PRICE = Price()


@dataclass(frozen=True, kw_only=True)
class Property:
    path: str
    old: Json  # None: the property was not set
    new: Json
    replaces: bool = False  # whether the resource is replaced because of it


@dataclass(frozen=True, kw_only=True)
class Resource:
    action: str
    type: str
    name: str
    urn: str
    properties: tuple[Property, ...]


@dataclass(frozen=True, kw_only=True)
class Violation:
    policy: str
    pack: str
    level: str
    resource: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    resources: tuple[Resource, ...] = ()
    violations: tuple[Violation, ...] = ()
    errors: tuple[str, ...] = ()
    price: Price = NO_PRICE

    @property
    def violated(self) -> bool:
        return any(violation.level == "mandatory" for violation in self.violations)


def read(events: Iterable[Event]) -> Preview:
    """Return what the events of a preview say, sorted by type and name."""
    events = list(events)
    steps = [event["resourcePreEvent"]["metadata"] for event in events if _is_step(event)]
    images = _Images(steps)
    resources = [_resource(step, images) for step in steps if step["op"] in ACTIONS]
    return Preview(
        resources=tuple(sorted(resources, key=lambda r: (r.type, r.name))),
        violations=tuple(_violation(e["policyEvent"]) for e in events if "policyEvent" in e),
        errors=tuple(_errors(events)),
        price=price(steps),
    )


def _is_step(event: Event) -> bool:
    return "resourcePreEvent" in event


def _resource(step: Json, images: "_Images") -> Resource:
    old, new = _inputs(step, "old"), _inputs(step, "new")
    parent = (step.get("new") or step.get("old") or {}).get("parent", "")
    properties = [
        Property(
            path=path,
            old=images.name(before, ""),
            new=images.name(after, parent, was=before),
            replaces=_replaces(step, path),
        )
        for path, before, after in differences(old, new)
    ]
    return Resource(
        action=ACTIONS[step["op"]],
        type=_short(step["type"]),
        name=step["urn"].rsplit("::", 1)[-1],
        urn=step["urn"],
        properties=(*properties, *_secrets(step)),
    )


def _inputs(step: Json, side: str) -> Json:
    if (side, step["op"]) in {("old", "create"), ("old", "import"), ("new", "delete")}:
        return {}
    return _masked((step.get(side) or {}).get("inputs") or {})


def _secrets(step: Json) -> Iterator[Property]:
    """Yield the secrets that differ, by the provider's own diff: both sides are masked here."""
    old, new = _inputs(step, "old"), _inputs(step, "new")
    for path in sorted(step.get("detailedDiff") or ()):
        if _is_secret(old, path) and _is_secret(new, path):
            yield Property(path=path, old=HIDDEN, new=HIDDEN, replaces=_replaces(step, path))


def _is_secret(value: Json, path: str) -> bool:
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
    return bool(value == HIDDEN)


def _replaces(step: Json, path: str) -> bool:
    return re.split(r"[.\[]", path)[0] in (step.get("keys") or ())


def _masked(value: Json) -> Json:
    if isinstance(value, dict):
        return HIDDEN if HIDDEN_KEY in value else {k: _masked(v) for k, v in value.items()}
    return [_masked(element) for element in value] if isinstance(value, list) else value


class _Images:
    """Names an image that a container refers to by its ID, or that is not built yet."""

    def __init__(self, steps: Iterable[Json]) -> None:
        self.by_id: dict[str, str] = {}  # ID -> URN
        self.old: dict[str, str] = {}  # URN -> name
        self.new: dict[str, str] = {}
        self.by_parent: dict[str, str] = {}  # parent -> URN
        for step in steps:
            if step["type"] == "docker:index/remoteImage:RemoteImage":
                self._add(step)

    def _add(self, step: Json) -> None:
        old, new, urn = step.get("old") or {}, step.get("new") or {}, step["urn"]
        if built := (old.get("outputs") or {}).get("imageId"):
            self.by_id[built] = urn
            self.old[urn] = old["inputs"]["name"]
        if new:
            self.new[urn] = new["inputs"]["name"]
            self.by_parent[new.get("parent", "")] = urn

    def name(self, value: Json, parent: str, was: Json = None) -> Json:
        """Return the image's name if the value is an ID or not known yet, else the value.

        An image that is not built yet is the one that `was` becomes, or a sibling under `parent`.
        """
        if value == UNKNOWN_VALUE:
            if not isinstance(was, str | None) or (was and was not in self.by_id):
                return UNKNOWN
            urn = self.by_id.get(was or "") or self.by_parent.get(parent, "")
            return self.new.get(urn, UNKNOWN)
        if isinstance(value, str) and value in self.by_id:
            return self.old[self.by_id[value]]
        return value


def _violation(event: Json) -> Violation:
    return Violation(
        policy=event["policyName"],
        pack=event["policyPackName"],
        level=event["enforcementLevel"],
        resource=event.get("resourceUrn", "").rsplit("::", 1)[-1],
        message=" ".join(event["message"].split()),
    )


def _errors(events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        said = event.get("diagnosticEvent", {})
        if said.get("severity") == "error" and said["message"].strip() != "preview failed":
            yield said["message"].strip()


def _short(kind: str) -> str:
    """Return `docker:Container` for `docker:index/container:Container`."""
    package, *_, name = kind.split(":")
    return f"{package}:{name}"
