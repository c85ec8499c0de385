"""The tables of docs/changes.md, from the table of edits; as a module, it writes them there."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.support.edits import ALL, DRIFTS, EDITS, UNSEEN, Drift, Edit
from tests.support.priced import ROUNDS, in_development
from tools.price.effects import Price

PAGE = Path(__file__).resolve().parents[2] / "docs" / "changes.md"
HAPPENS = {
    "replace container": "stopped and made anew",
    "update container": "changed while it runs",
    "replace image": "built anew, the old one removed",
    "replace network": "removed and made anew, its containers with it",
}


def tables() -> dict[str, str]:
    """Return each table by the name of its marker in the page."""
    return {
        "edits": _table("edit", EDITS, priced=True),
        "prices": _rows(
            ["edit in production", "price"],
            [[edit.what, Price(edit.costs).summary()] for edits in ROUNDS for edit in edits],
        ),
        "drift": _table("by hand", DRIFTS),
        "unseen": "\n".join(f"- {what}" for what in UNSEEN),
    }


def written(page: str) -> str:
    """Return the page with the tables filled in."""
    for name, text in tables().items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, after = page.partition(start)[0], page.partition(end)[2]
        page = f"{before}{start}{text}\n{end}{after}"
    return page


def _table(first: str, edits: Iterable[Edit | Drift], *, priced: bool = False) -> str:
    rows = [
        [edit.what, _shown(edit.steps), _done(edit), *_price(edit.steps) * priced] for edit in edits
    ]
    return _rows([first, "the preview shows", "the update does", *["price"] * priced], rows)


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _price(steps: Mapping[str, str]) -> list[str]:
    return [in_development(steps).summary()]


def _shown(steps: Mapping[str, str]) -> str:
    found: dict[str, list[str]] = {}
    for resource, step in steps.items():
        name, _, kind = resource.partition(" ")
        operation, *properties = step.split()
        of = f" ({', '.join(properties)})" if properties else ""
        found.setdefault(f"{operation} {kind}{of}", []).append(name)
    return "<br>".join(f"{_names(names)}: {step}" for step, names in found.items())


def _names(names: list[str]) -> str:
    return "all three" if sorted(names) == sorted(ALL) else ", ".join(names)


def _done(edit: Edit | Drift) -> str:
    if edit.happens:
        return edit.happens
    kinds = dict.fromkeys(
        f"{step.split()[0]} {resource.partition(' ')[2]}" for resource, step in edit.steps.items()
    )
    said = [f"{kind.split()[1]} {HAPPENS[kind]}" for kind in kinds if kind in HAPPENS]
    made = {"create": "made", "delete": "removed"}
    said += [f"{k.split()[1]} {made[k.split()[0]]}" for k in kinds if k.split()[0] in made]
    return "; ".join(said)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
