"""Build programs of a Go module that is no part of the project."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.setup import go, process
from tools.setup.errors import Problem
from tools.setup.progress import Progress

DOWNLOAD_SECONDS = 600
BUILD_SECONDS = 1800


def build(
    module: str, checksum: str, folder: Path, *programs: str, flags: Sequence[str] = ()
) -> None:
    """Build programs under the module's `cmd` into the folder.

    `module` is with its version; `checksum` is that of go.sum. Raises Problem and FailedError.
    """
    command = go.ensure(Progress())
    with tempfile.TemporaryDirectory() as empty:
        said = process.run(
            *(command, "mod", "download", "-json", module),
            folder=Path(empty),
            environment=go.ENVIRONMENT,
            limit=DOWNLOAD_SECONDS,
        )
    found = json.loads(said[said.index("{") :])
    if found["Sum"] != checksum:
        raise Problem(f"{module} was not downloaded", f"its checksum is {found['Sum']}", "")
    options = ("-trimpath", *flags, "-o", f"{folder}/")
    process.run(
        command,
        "build",
        *options,
        *(f"./cmd/{name}" for name in programs),
        folder=Path(found["Dir"]),
        environment=go.ENVIRONMENT,
        limit=BUILD_SECONDS,
    )
