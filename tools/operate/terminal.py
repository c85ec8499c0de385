"""Columns of text, and ANSI colours: in a terminal only, never with NO_COLOR (no-color.org)."""

import os
from collections.abc import Sequence
from typing import TextIO

RED, GREEN = "31", "32"
NAMES = ("36", "35", "34", "33", "32", "96", "95", "94")


def aligned(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the cells of a table, each as wide as the widest of its column."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]


def paint(text: str, colour: str, stream: TextIO) -> str:
    if os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"
