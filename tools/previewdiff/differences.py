"""Where two JSON values differ, with paths that a reader recognises."""

from collections.abc import Iterator
from typing import Any

Json = Any

# A list of objects is matched by the first of these fields that all of its elements have.
IDENTITIES = ("label", "target", "internal", "name", "host", "file", "key")


def differences(old: Json, new: Json, path: str = "") -> Iterator[tuple[str, Json, Json]]:
    """Yield the path, the old and the new value of each leaf that differs.

    Elements of lists are matched by what names them (IDENTITIES), not by their position.
    """
    if _empty(old) and _empty(new):
        return
    pair = _as_mappings(old, new)
    if pair is None:
        if old != new:
            yield path, old, new
        return
    before, after = pair
    for key in sorted({*before, *after}):
        if not key.startswith("__"):  # added by the Terraform bridge
            inner = key if not path or key.startswith("[") else f".{key}"
            yield from differences(before.get(key), after.get(key), path + inner)


def _empty(value: Json) -> bool:
    return value is None or value in ({}, [])


def _as_mappings(old: Json, new: Json) -> tuple[dict[str, Json], dict[str, Json]] | None:
    """Return both sides by key, or None if one of them is a plain value."""
    present = [side for side in (old, new) if not _empty(side)]
    if all(isinstance(side, dict) for side in present):
        return old or {}, new or {}
    if all(isinstance(side, list) for side in present):
        return _keyed(old or [], new or [])
    return None


def _keyed(old: list[Json], new: list[Json]) -> tuple[dict[str, Json], dict[str, Json]] | None:
    elements = [*old, *new]
    if all(isinstance(element, str) and "=" in element for element in elements):
        return _assignments(old), _assignments(new)
    if not all(isinstance(element, dict) for element in elements):
        return None
    if len(old) <= 1 and len(new) <= 1:
        return _numbered(old), _numbered(new)
    for identity in IDENTITIES:
        if all(identity in element for element in elements):
            return _named(old, identity), _named(new, identity)
    return _numbered(old), _numbered(new)


def _assignments(elements: list[str]) -> dict[str, Json]:
    return {f"[{name}]": value for name, _, value in (e.partition("=") for e in elements)}


def _numbered(elements: list[Json]) -> dict[str, Json]:
    return {f"[{number}]": element for number, element in enumerate(elements)}


def _named(elements: list[Json], identity: str) -> dict[str, Json]:
    return {f"[{element[identity]}]": _rest(element, identity) for element in elements}


def _rest(element: dict[str, Json], identity: str) -> Json:
    """Return the element without its name; a label is just its value."""
    rest = {k: v for k, v in element.items() if k != identity and not k.startswith("__")}
    return rest["value"] if list(rest) == ["value"] else rest
