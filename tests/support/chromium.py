"""A real browser."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from tools.setup.browser import COMMANDS, find

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def started(*more: str) -> Iterator[Browser]:
    """Yield the browser, started with more arguments. Skips the test where there is none."""
    chromium = find()
    if not chromium:
        pytest.skip(f"none of {', '.join(COMMANDS)} is on the PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *more])
        yield one
        one.close()
