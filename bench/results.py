"""Write the results: a table for the README, a page with a picture, and JSON."""

import contextlib
import datetime as dt
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

import docker

from bench.growth import Growth
from bench.rows import Row

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "bench"
README = ROOT / "README.md"
SECTION = re.compile(r"(?<=<!-- make bench -->\n).*?(?=<!-- end -->\n)", re.DOTALL)
TUTORIAL = "tutorial's stack"
HEADINGS = ("what", "paired with", "goal", "measured", "", "ours and theirs")


def machine() -> str:
    with contextlib.closing(docker.from_env()) as engine:
        version = engine.version()["Version"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB of memory and Docker {version}"


def title(*, quick: bool = False) -> str:
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    return f"Measured on {date} with {machine()}{', with few rounds' if quick else ''}."


def table(rows: Sequence[Row]) -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    return row.what, row.paired_with, row.goal, row.result, row.verdict, row.detail


def write(rows: Sequence[Row], growths: Sequence[Growth], folder: Path) -> None:
    """Write the results to the folder, and to the README if it is FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    heading = title()
    figures = {
        "measured": heading,
        "rows": [{**asdict(row), "met": row.met} for row in rows],
        "growth": [asdict(growth) for growth in growths],
    }
    (folder / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    (folder / "bench.svg").write_text(picture(rows, growths))
    if folder == FOLDER:
        text = section(heading, rows)
        README.write_text(SECTION.sub(lambda _: text, README.read_text()))
    text = f"# `make bench`\n\n{heading} {_HOW}\n\n![](bench.svg)\n\n{table(rows)}\n"
    (folder / "bench.md").write_text(text)


def section(heading: str, rows: Sequence[Row]) -> str:
    """Return the README's section: the comparison with the tutorial's stack."""
    lines = [
        ("requests, paired with the tutorial's Go stack", "goal", "measured", ""),
        ("---",) * 4,
        *(
            (row.what, row.goal, row.result, row.verdict)
            for row in rows
            if row.paired_with == TUTORIAL
        ),
    ]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{heading}\n\n{table}\n"


_HOW = (
    "Both stacks run on the same engine and get the load in turns, A B B A. A figure with an x is "
    "the median of the pairs' ratios, followed by the lowest and the highest. Both gateways are "
    "restarted before each run: the tutorial's opens a new connection to its service for each "
    "request, so after 28,000 requests it has to wait for free ports (at less than a tenth of its "
    "speed), which is not what is compared here. The load comes from the same machine and goes to "
    "the gateway's own address. The bodies of answers are checked meanwhile."
)

WIDTH, BAR, LEFT, SCALE = 860, 26, 380, 110.0
TEXT = 'font-family="system-ui, sans-serif" font-size="13"'


def picture(rows: Sequence[Row], growths: Sequence[Growth]) -> str:
    bars = [row for row in rows if row.unit == "x" and row.values]
    top = 40 + BAR * len(bars)
    height = top + 230 * ((len(growths) + 1) // 2) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {TEXT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="10" y="20" font-weight="600">Ours over theirs; a tick is the goal</text>',
        *(_bar(row, 34 + BAR * index) for index, row in enumerate(bars)),
        *(
            _lines(growth, 20 + 420 * (index % 2), top + 230 * (index // 2))
            for index, growth in enumerate(growths)
        ),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _bar(row: Row, y: int) -> str:
    def x(value: float) -> float:
        return LEFT + min(value, 4.0) * SCALE

    goal = row.at_least if row.at_least is not None else row.at_most
    colour = {True: "#047857", False: "#b91c1c", None: "#64748b"}[row.met]
    middle = y + 9
    tick = (
        f'<path d="M{x(goal):.0f} {y - 2}v22" stroke="#0f172a" stroke-width="2"/>' if goal else ""
    )
    return (
        f'<text x="10" y="{y + 14}">{escape(row.what[:52])}</text>'
        f'<rect x="{LEFT}" y="{y}" width="{x(row.median) - LEFT:.0f}" height="18" fill="{colour}" '
        f'fill-opacity=".75"/>'
        f'<path d="M{x(min(row.values)):.0f} {middle}H{x(max(row.values)):.0f}" stroke="#0f172a"/>'
        f'{tick}<text x="{WIDTH - 10}" y="{y + 14}" text-anchor="end">{row.median:.2f}x</text>'
    )


def _lines(growth: Growth, x: int, y: int) -> str:
    most = max(max(line.values()) for line in growth.lines.values()) or 1.0
    widest = max(max(line) for line in growth.lines.values())
    parts = [f'<text x="{x}" y="{y + 14}" font-weight="600">{escape(growth.what)}, seconds</text>']
    for (name, line), colour in zip(growth.lines.items(), ("#047857", "#64748b"), strict=False):
        points = [
            (x + 30 + 330 * n / widest, y + 190 - 150 * v / most) for n, v in sorted(line.items())
        ]
        path = "M" + "L".join(f"{px:.0f} {py:.0f}" for px, py in points)
        end_x, end_y = points[-1]
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{end_x:.0f}" y="{end_y - 5:.0f}" text-anchor="end" fill="{colour}">'
            f"{escape(name)} {line[max(line)]:.0f}</text>"
        )
    counts = sorted({count for line in growth.lines.values() for count in line})
    parts += [
        f'<text x="{x + 30 + 330 * n / widest:.0f}" y="{y + 208}" text-anchor="middle">{n}</text>'
        for n in counts
    ]
    return "".join(parts)
