"""Read a stack's state: its resources, pending operations, and older copies."""

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.recover import backend
from tools.setup.errors import Problem

SUFFIXES = (".json", ".json.gz")
# The volumes of the gateway: its page and configuration, which every update fills again, and which
# replicas are drained.
SITE = ("docker:index/volume:Volume::site", "docker:index/volume:Volume::drained")


@dataclass(frozen=True, kw_only=True)
class State:
    resources: list[dict[str, Any]]
    pending: list[dict[str, Any]]
    saved: datetime

    @property
    def ids(self) -> set[str]:
        """The engine's IDs of all resources."""
        images = {str((r.get("outputs") or {}).get("imageId")) for r in self.resources}
        return images | {str(r["id"]) for r in self.resources if r.get("id")}

    @property
    def names(self) -> set[str]:
        return _names(self.resources)

    @property
    def names_under_way(self) -> set[str]:
        """The names of the resources that were being created."""
        return _names(op["resource"] for op in self.pending if op["type"] == "creating")

    @property
    def site(self) -> set[str]:
        """The names of the gateway's volumes, which contain nothing that must be kept."""
        under_way = [op["resource"] for op in self.pending]
        return _names(r for r in [*self.resources, *under_way] if r["urn"].endswith(SITE))

    @property
    def deletions_under_way(self) -> list[dict[str, Any]]:
        return [op["resource"] for op in self.pending if op["type"] == "deleting"]


EMPTY = State(resources=[], pending=[], saved=datetime.min.replace(tzinfo=UTC))


def _names(resources: Iterable[dict[str, Any]]) -> set[str]:
    return {r["inputs"]["name"] for r in resources if "name" in (r.get("inputs") or {})}


def load(stack: backend.Stack) -> State | None:
    """Return the state, or None if there is none. Raises ValueError if it cannot be read."""
    if stack.states is None:
        return _exported(stack)
    file = _file(stack)
    return read(file) if file else None


def _exported(stack: backend.Stack) -> State | None:
    try:
        return parse(backend.pulumi("stack", "export", "--stack", stack.name))
    except Problem as problem:
        if "no stack named" in str(problem):
            return None
        raise


def read(file: Path) -> State:
    content = file.read_bytes()
    try:
        return parse(gzip.decompress(content) if ".gz" in file.suffixes else content)
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError) as error:
        raise ValueError(f"{file} cannot be read: {error or type(error).__name__}") from None


def parse(text: str | bytes) -> State:
    content = json.loads(text)
    latest = content["checkpoint"]["latest"] if "checkpoint" in content else content["deployment"]
    if latest is None:
        return EMPTY
    resources = latest.get("resources") or []
    if not all("urn" in resource for resource in resources):
        raise ValueError("it has a resource without a URN")
    return State(
        resources=resources,
        pending=latest.get("pending_operations") or [],
        saved=datetime.fromisoformat(latest["manifest"]["time"]),
    )


def restore(stack: backend.Stack) -> tuple[Path, State]:
    """Restore the newest copy that Pulumi can read. Keep the damaged state under another name."""
    damaged = _file(stack)
    kept = damaged and damaged.with_name(f"{damaged.name}.damaged-{datetime.now():%Y%m%d-%H%M%S}")  # noqa: DTZ005  the user's local time
    if damaged and kept:
        shutil.copy2(damaged, kept)
    for copy, state in copies(stack):
        target = _target(stack, copy)
        shutil.copy2(copy, target)
        try:
            backend.pulumi("stack", "export", "--stack", stack.name)
        except Problem:
            continue
        return copy, state
    if damaged and kept:
        shutil.copy2(kept, damaged)
    raise Problem(
        f"the state of stack {stack.name} is damaged",
        f"no copy of it in {stack.states} or {stack.backups} can be read",
        "docs/operations.md, section State, says what else you can do",
    )


def copies(stack: backend.Stack) -> Iterator[tuple[Path, State]]:
    """Yield the older states that can be read, newest first."""
    if stack.states is None or stack.backups is None:
        return
    found = []
    for file in [*stack.states.glob(f"{stack.name}.json*.bak"), *stack.backups.glob("*.json*")]:
        if file.suffix == ".attrs":
            continue
        try:
            found.append((file, read(file)))
        except ValueError:
            continue
    yield from sorted(found, key=lambda one: one[1].saved, reverse=True)


def _file(stack: backend.Stack) -> Path | None:
    files = [stack.states / f"{stack.name}{suffix}" for suffix in SUFFIXES] if stack.states else []
    return next(filter(Path.exists, files), None)


def _target(stack: backend.Stack, copy: Path) -> Path:
    assert stack.states
    return stack.states / f"{stack.name}.json{'.gz' if '.gz' in copy.suffixes else ''}"
