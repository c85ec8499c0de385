"""The Markdown says what changed and nothing that its values say; the JSON keeps its schema."""

import json
from dataclasses import replace

import pytest

from tools.previewdiff.changes import Preview, Property, Resource, Violation
from tools.previewdiff.report import Subject, shorten, to_json, to_markdown
from tools.price.effects import Effect, Item, Price

SUBJECT = Subject(
    base="origin/main", base_commit="a" * 40, head_commit="b" * 40, uncommitted=(), stack="dev"
)


def changed(*properties: Property, action: str = "changed") -> Preview:
    name = "frontend"
    one = Resource(
        action=action,
        type="docker:Container",
        name=name,
        urn=f"urn:{name}",
        properties=properties,
    )
    return Preview(resources=(one,))


def test_no_changes_in_full() -> None:
    assert to_markdown(SUBJECT, Preview()) == (
        "## Preview: no changes\n\n"
        "Stack `dev`: `bbbbbbbbbbbb` previewed against `origin/main` at `aaaaaaaaaaaa`, "
        "deployed on its own.\n"
    )


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (Property(path="memory", old=128, new=160), "`memory`: `128` → `160`"),
        (Property(path="a.b", old=None, new=True), "`a.b`: added, `true`"),
        (Property(path="a", old="x", new=None), "`a`: removed, `x`"),
        (Property(path="a", old="", new="x"), "`a`: ` ` → `x`"),
        (Property(path="a", old="b`c", new="@all <b>"), "`a`: ``b`c`` → `@all <b>`"),
        (Property(path="a", old="one\ntwo", new=""), "`a`: `one⏎two` → ` `"),
    ],
)
def test_a_property(one: Property, line: str) -> None:
    assert f"\n  - {line}\n" in to_markdown(SUBJECT, changed(one))


def test_what_replaces_is_marked() -> None:
    one = Property(path="image", old="a:v1-1", new="a:v1-2", replaces=True)
    text = to_markdown(SUBJECT, changed(one, action="replaced"))
    assert "### Replaced (1)\n\n- `docker:Container` `frontend`\n" in text
    assert "  - `image`: `a:v1-1` → `a:v1-2` (replaces)\n" in text


def test_replaced_for_another_resource() -> None:
    assert "because a resource that it depends on is replaced" in to_markdown(
        SUBJECT, changed(action="replaced")
    )


def test_uncommitted_files_are_named() -> None:
    subject = Subject(
        base="main", base_commit="a", head_commit="b", uncommitted=("x", "y z"), stack="dev"
    )
    assert "Uncommitted changes count too: `x`, `y z`." in to_markdown(subject, Preview())


def test_long_values_show_where_they_differ() -> None:
    old, new = shorten("x" * 200 + "1" + "y" * 200, "x" * 200 + "2" + "y" * 200)
    assert old == f"…{'x' * 20}1{'y' * 59}…"
    assert new == f"…{'x' * 20}2{'y' * 59}…"


def test_a_long_value_of_one_side_begins_at_its_beginning() -> None:
    assert shorten("", "x" * 100) == ("", "x" * 80 + "…")


def test_pulumi_s_own_account_is_cut_to_what_a_comment_takes() -> None:
    one = Property(path="memory", old=1, new=2)
    text = to_markdown(SUBJECT, changed(one), "line ````\n" * 20_000)
    assert len(text) < 65_536
    assert "`````\nline ````\n" in text
    assert "cut here" in text
    assert text.endswith("</details>\n")


def test_a_policy_violation_and_an_error() -> None:
    violation = Violation(
        policy="memory-limit", pack="p", level="mandatory", resource="frontend", message="No."
    )
    text = to_markdown(SUBJECT, Preview(violations=(violation,), errors=("boom",)))
    assert "## Preview: no changes; a policy is violated" in text
    assert "- **mandatory** `memory-limit`, `frontend`: `No.`" in text
    assert "```\nboom\n```" in text


def test_the_price_is_at_the_top_and_at_its_resource() -> None:
    gap = Item(urn="urn:frontend", name="frontend", effect=Effect.GAP, seconds=2)
    text = to_markdown(SUBJECT, replace(changed(action="replaced"), price=Price((gap,))))
    line = "`Price: frontend stops for about 2 s; no data deleted`"
    assert text.splitlines()[:3] == ["## Preview: 1 replaced", "", line]
    assert "\n- `docker:Container` `frontend`: gap of about 2 s\n" in text


def test_the_json_s_schema() -> None:
    one = Property(path="memory", old=128, new=None)
    assert json.loads(to_json(SUBJECT, changed(one))) == {
        "version": 1,
        "result": "changes",
        "stack": "dev",
        "base": {"ref": "origin/main", "commit": "a" * 40},
        "head": {"commit": "b" * 40, "uncommitted": []},
        "counts": {"added": 0, "changed": 1, "replaced": 0, "deleted": 0},
        "resources": [
            {
                "action": "changed",
                "type": "docker:Container",
                "name": "frontend",
                "urn": "urn:frontend",
                "properties": [{"path": "memory", "old": 128, "new": None, "replaces": False}],
            }
        ],
        "violations": [],
        "errors": [],
        "price": {"line": "Price: nothing changes", "items": []},
    }


@pytest.mark.parametrize(
    ("preview", "result"),
    [
        (Preview(), "no changes"),
        (changed(), "changes"),
        (Preview(errors=("boom",)), "failed"),
        (
            Preview(
                violations=(
                    Violation(policy="p", pack="p", level="mandatory", resource="r", message="m"),
                ),
                errors=("boom",),
            ),
            "policy violation",
        ),
    ],
)
def test_the_json_s_result(preview: Preview, result: str) -> None:
    assert json.loads(to_json(SUBJECT, preview))["result"] == result
