"""Install Chromium for the tests of the page."""

import os
import shutil

from tools.setup import apt
from tools.setup.errors import Problem
from tools.setup.progress import Progress

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def ensure(show: Progress) -> None:
    """Install a browser if there is none. If that fails outside of CI, only print a note."""
    if find():
        return
    try:
        with show.step("browser", "installing Chromium for the page's tests"):
            apt.install("chromium")
    except Problem as problem:
        if os.environ.get("CI"):
            raise
        show.note("browser", f"NO BROWSER: the page's tests are skipped. {problem.why}")
        show.note("browser", f"to run them: {problem.remedy}")


def find() -> str | None:
    return next(filter(None, map(shutil.which, COMMANDS)), None)
