"""Check the GitHub workflows with actionlint, which is built from its Go module."""

from pathlib import Path

from tools.setup import go, paths, process
from tools.setup.errors import Problem
from tools.setup.progress import Progress
from tools.setup.versions import ACTIONLINT

MAIN = "github.com/rhysd/actionlint/cmd/actionlint"
# Findings must not depend on whether shellcheck and pyflakes are installed.
ALONE = ("-shellcheck=", "-pyflakes=")


def check(show: Progress) -> None:
    command = ensure(show)
    try:
        process.run(command, "-no-color", *ALONE, folder=paths.PROJECT)
    except process.FailedError as failed:
        raise Problem(
            "actionlint found errors in the workflows", failed.output, "fix them"
        ) from None


def ensure(show: Progress) -> Path:
    command = paths.cache() / f"actionlint-{ACTIONLINT}"
    if not command.exists():
        tools = go.ensure(show)
        with show.step("actionlint", f"building actionlint {ACTIONLINT} from its Go module"):
            go.build(tools, "actionlint", MAIN, command)
    return command
