"""The README has the figures of bench.json, and a verdict follows from its goal."""

import json
from dataclasses import fields

from bench import results
from bench.rows import Row


def test_the_readme_says_what_was_measured() -> None:
    figures = json.loads((results.FOLDER / "bench.json").read_text())
    names = {field.name for field in fields(Row)}
    rows = [Row(**{k: v for k, v in row.items() if k in names}) for row in figures["rows"]]
    assert "with few rounds" not in figures["measured"]
    assert results.SECTION.findall(results.README.read_text()) == [
        results.section(figures["measured"], rows)
    ]
    assert sum(row.paired_with == results.TUTORIAL for row in rows) >= 6


def test_a_goal_is_met_or_not() -> None:
    row = Row(what="speed", paired_with=results.TUTORIAL, values=(1.0, 3.0, 2.0), at_least=2.0)
    assert (row.verdict, row.result) == ("met", "2.00x (1.00 to 3.00)")
    slower = Row(what="speed", paired_with=results.TUTORIAL, values=(1.9,), at_least=2.0)
    assert results.section("Today.", [slower]).splitlines()[-1] == (
        "| speed | at least 2.00x | 1.90x | not met |"
    )
