"""Find Docker Compose v2, or build it from its Go module."""

import shutil
from pathlib import Path

from tools.setup import go, paths, process
from tools.setup.errors import Problem
from tools.setup.progress import Progress

VERSION = "2.40.3"
MODULE = Path(__file__).parent / "compose"
STAMP = f"-s -w -X github.com/docker/compose/v2/internal.Version=v{VERSION}"


def ensure(show: Progress) -> tuple[list[str], str]:
    """Return the command of Compose v2; if there is none, an empty list and the reason."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and _is_v2(command):
            return command, ""
    built = paths.cache() / f"docker-compose-{VERSION}"
    if not built.exists():
        try:
            with show.step("compose", f"building Compose {VERSION} from its Go module"):
                package = "github.com/docker/compose/v2/cmd"
                go.build(go.ensure(show), str(MODULE), package, built, "-ldflags", STAMP)
        except Problem as problem:
            return [], f"no Compose v2: {problem.what}"
    return [str(built)], ""


def _is_v2(command: list[str]) -> bool:
    try:
        return process.run(*command, "version", "--short", limit=20).lstrip("v").startswith("2.")
    except process.FailedError:
        return False
