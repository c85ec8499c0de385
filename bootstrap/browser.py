"""A Chromium for the page's tests."""

import shutil

from bootstrap import apt
from bootstrap.progress import Progress

COMMANDS = ("chromium", "chromium-browser", "google-chrome")


def ensure(show: Progress) -> None:
    if find():
        return
    with show.step("browser", "installing Chromium for the page's tests"):
        apt.install("chromium")


def find() -> str | None:
    return next(filter(None, map(shutil.which, COMMANDS)), None)
