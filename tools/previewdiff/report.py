"""A preview as Markdown for a reviewer, and as JSON for a script."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from tools.previewdiff.changes import Preview, Property, Resource, Violation
from tools.previewdiff.differences import Json
from tools.price.effects import Effect

LONGEST_VALUE = 80
FILES_NAMED = 10
FOLDED_ABOVE = 12  # properties of one resource
LONGEST_TEXT = 60_000  # GitHub's limit for a comment is 65,536 characters
SECTIONS = ("added", "changed", "replaced", "deleted")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What was compared."""

    base: str  # as --base named it
    base_commit: str
    head_commit: str
    uncommitted: tuple[str, ...]
    stack: str
    note: str = ""


def result(preview: Preview) -> str:
    if preview.violated:
        return "policy violation"
    if preview.errors:
        return "failed"
    return "changes" if preview.resources else "no changes"


def to_json(subject: Subject, preview: Preview) -> str:
    """Return version 1 of the format that docs/preview.md describes."""
    counts = {action: len(_of(preview, action)) for action in SECTIONS}
    head = {"commit": subject.head_commit, "uncommitted": subject.uncommitted}
    document = {
        "version": 1,
        "result": result(preview),
        "stack": subject.stack,
        "base": {"ref": subject.base, "commit": subject.base_commit},
        "head": head,
        "counts": counts,
        **asdict(preview),
        "price": {"line": preview.price.line(), **asdict(preview.price)},
    }
    return json.dumps(document, indent=2) + "\n"


def to_markdown(subject: Subject, preview: Preview, diff: str = "") -> str:
    parts = [f"## Preview: {_headline(preview)}"]
    parts += [_code(preview.price.line())] * bool(preview.resources)
    parts += [_compared(subject), *_problems(preview)]
    costs = {one.urn: f": {one}" for one in preview.price.items if one.effect != Effect.NOTHING}
    for action in SECTIONS:
        if resources := _of(preview, action):
            parts.append(f"### {action.capitalize()} ({len(resources)})")
            parts += (_resource(one, costs.get(one.urn, "")) for one in resources)
    text = _shortened("\n\n".join(parts))
    return f"{text}\n{_details(diff, LONGEST_TEXT - len(text)) if preview.resources else ''}"


def _of(preview: Preview, action: str) -> list[Resource]:
    return [resource for resource in preview.resources if resource.action == action]


def _headline(preview: Preview) -> str:
    if preview.errors and not preview.violated:
        return "it failed"
    counts = ((len(_of(preview, action)), action) for action in SECTIONS)
    said = ", ".join(f"{count} {action}" for count, action in counts if count) or "no changes"
    return f"{said}; a policy is violated" if preview.violated else said


def _compared(subject: Subject) -> str:
    base = f"{_code(subject.base)} at {_code(subject.base_commit[:12])}"
    head = _code(subject.head_commit[:12])
    lines = [f"Stack {_code(subject.stack)}: {head} previewed against {base}, deployed on its own."]
    if subject.note:
        lines.append(subject.note)
    if subject.uncommitted:
        files = [_code(file) for file in subject.uncommitted[:FILES_NAMED]]
        more = len(subject.uncommitted) - len(files)
        named = ", ".join([*files, f"{more} more"] if more else files)
        lines.append(f"Uncommitted changes count too: {named}.")
    return "\n".join(lines)


def _problems(preview: Preview) -> list[str]:
    parts = []
    if preview.errors:
        parts += ["### Errors", "\n".join(_fenced(error) for error in preview.errors)]
    if preview.violations:
        parts += ["### Policies", "\n".join(map(_violation, preview.violations))]
    return parts


def _violation(violation: Violation) -> str:
    said = _code(violation.message)
    return f"- **{violation.level}** {_code(violation.policy)}, {_code(violation.resource)}: {said}"


def _resource(resource: Resource, cost: str) -> str:
    lines = [f"- {_code(resource.type)} {_code(resource.name)}{cost}"]
    if not resource.properties and resource.action == "replaced":
        lines.append("  - because a resource that it depends on is replaced")
    properties = [f"  - {_property(one, resource.action)}" for one in resource.properties]
    if len(properties) > FOLDED_ABOVE:
        summary = f"  <details><summary>{len(properties)} properties</summary>"
        properties = [summary, "", *properties, "  </details>"]
    return "\n".join([*lines, *properties])


def _property(one: Property, action: str) -> str:
    old, new = shorten(_text(one.old), _text(one.new))
    path = _code(one.path)
    if one.old is None and one.new is not None:
        said = f"{path}: {_code(new)}" if action == "added" else f"{path}: added, {_code(new)}"
    elif one.new is None:
        said = f"{path}: {_code(old)}" if action == "deleted" else f"{path}: removed, {_code(old)}"
    else:
        said = f"{path}: {_code(old)} → {_code(new)}"
    return said + (" (replaces)" if one.replaces and action == "replaced" else "")


def shorten(old: str, new: str, limit: int = LONGEST_VALUE) -> tuple[str, str]:
    """Cut both values to a window around the first character that differs."""
    if max(len(old), len(new)) <= limit:
        return old, new
    pairs = enumerate(zip(old, new, strict=False))
    first = next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))
    start = max(0, first - limit // 4) if old and new else 0
    return _window(old, start, limit), _window(new, start, limit)


def _window(text: str, start: int, limit: int) -> str:
    before = "…" if start and text else ""
    after = "…" if len(text) > start + limit else ""
    return f"{before}{text[start : start + limit]}{after}"


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _code(text: str) -> str:
    """Return a code span that the text cannot end: it is not trusted."""
    flat = text.replace("\r", "").replace("\n", "⏎") or " "
    fence = "`" * (_longest_run(flat) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _fenced(text: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _details(diff: str, room: int) -> str:
    """Return Pulumi's own output, as many lines as fit."""
    head = "\n<details><summary>pulumi preview --diff</summary>\n\n"
    tail = "\n\n</details>\n"
    room -= len(head) + len(tail) + 100
    if not diff.strip() or room < LONGEST_VALUE:
        return ""
    lines = _fitting(diff.strip().splitlines(), room)
    return head + _fenced("\n".join(lines)) + tail


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    fitting: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return [*fitting, "… cut here: a comment on GitHub cannot be longer"]
        fitting.append(line)
    return fitting


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return "\n".join(_fitting(text.splitlines(), LONGEST_TEXT - 100))
