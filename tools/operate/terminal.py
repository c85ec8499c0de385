"""ANSI colours, in a terminal only, and never with NO_COLOR (https://no-color.org)."""

import os
from typing import TextIO

RED, GREEN = "31", "32"
NAMES = ("36", "35", "34", "33", "32", "96", "95", "94")


def paint(text: str, colour: str, stream: TextIO) -> str:
    if os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"
