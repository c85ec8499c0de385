"""Read the steps of a preview and of an update into the same form."""

import json
import re
from collections.abc import Iterable
from typing import Any

from tests.support.deployment import Deployment

KINDS = {
    "RemoteImage": "image",
    "Container": "container",
    "Network": "network",
    "WebService": "service",
    "Gateway": "gateway",
}
SILENT = {"same", "refresh", "read"}
OPERATIONS = {"create", "update", "replace", "delete"}
PARTS = {"create-replacement": "replace", "delete-replaced": "replace"}


def previewed(deployment: Deployment, *more: str) -> dict[str, str]:
    """Return what a preview shows: resource -> operation and changed properties."""
    return combined(shown(deployment, *more))


def shown(deployment: Deployment, *more: str) -> list[dict[str, Any]]:
    """Return the steps of a preview as they are."""
    steps = json.loads(deployment.operate("preview", "--json", *more).stdout)["steps"]
    return [{**one, "old": one.get("oldState"), "new": one.get("newState")} for one in steps]


def updated(deployment: Deployment, *more: str) -> dict[str, str]:
    """Return the same for `pulumi up`, from the events that the engine wrote."""
    lines = deployment.up("--json", *more).stdout.splitlines()
    events = [event for line in lines if (event := json.loads(line).get("resOutputsEvent"))]
    return combined(event["metadata"] for event in events)


def combined(steps: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Combine the steps of each resource, such as those of a replacement."""
    found: dict[str, set[str]] = {}
    for step in steps:
        if step["op"] not in SILENT:
            found.setdefault(_resource(step["urn"]), set()).update(_words(step))
    return {resource: " ".join(sorted(words, key=_order)) for resource, words in found.items()}


def _order(word: str) -> tuple[bool, str]:
    return word not in OPERATIONS, word


def _resource(urn: str) -> str:
    kind, name = urn.split("::")[-2:]
    kind = kind.rpartition(":")[2]
    return f"{name} {KINDS.get(kind, kind)}"


def _words(step: dict[str, Any]) -> set[str]:
    """Return the operation and the changed properties as text."""
    paths = [path for path in step.get("detailedDiff") or {} if not _unset(path, step)]
    return {PARTS.get(step["op"], step["op"]), *(re.split(r"[.\[]", path)[0] for path in paths)}


def _unset(path: str, step: dict[str, Any]) -> bool:
    """Whether it is an unset build option, which the provider shows for a replaced image."""
    first, _, option = path.partition(".")
    return first == "build" and option.split(".")[0] not in _inputs(step)["build"]


def _inputs(step: dict[str, Any]) -> dict[str, Any]:
    return dict((step.get("newState") or step["new"])["inputs"])
