"""Pulumi's backend: the folders that it keeps a stack's state in, and its CLI."""

import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools.setup.errors import Problem

PROJECT_FILE = Path("Pulumi.yaml")
LIMIT_SECONDS = 600.0
GRACE_SECONDS = 30.0
ENGINE = "the Docker engine or the backend does not answer: try `docker info` and `pulumi whoami`"


@dataclass(frozen=True, kw_only=True)
class Stack:
    name: str
    project: str
    root: Path | None  # the folder of a file backend, None for others, which we cannot repair

    @property
    def locks(self) -> Path | None:
        return self.root and self.root / "locks" / "organization" / self.project / self.name

    @property
    def states(self) -> Path | None:
        return self.root and self.root / "stacks" / self.project

    @property
    def backups(self) -> Path | None:
        return self.root and self.root / "backups" / self.project / self.name


def find(name: str) -> Stack:
    """Return the stack `name` of the project in the working folder."""
    project = PROJECT_FILE.read_text()
    found = re.search(r"^name:\s*(\S+)", project, re.MULTILINE)
    root = _folder(_url(project))
    return Stack(name=name.rpartition("/")[2], project=found[1] if found else "", root=root)


def _url(project: str) -> str:
    """Return the URL of the backend as Pulumi finds it, without asking it, which takes long.

    https://www.pulumi.com/docs/iac/concepts/state-and-backends/
    """
    declared = re.search(r"^backend:\n +url: *['\"]?([^'\"\s]+)", project, re.MULTILINE)
    if url := os.environ.get("PULUMI_BACKEND_URL") or (declared and declared[1]):
        return url
    return str(json.loads(pulumi("whoami", "--verbose", "--json"))["url"])


def _folder(url: str) -> Path | None:
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = Path(unquote(parts.netloc + parts.path)).expanduser()
    return path / ".pulumi"


def pulumi(*arguments: str) -> str:
    """Return the output of a pulumi command. Raises Problem if it fails or hangs."""
    what = f"`pulumi {' '.join(arguments)}`"
    with subprocess.Popen(  # noqa: S603  fixed commands
        ["pulumi", *arguments, "--non-interactive"],  # noqa: S607  the user's PATH decides
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # so that it releases its lock
            _end(process)
            raise Problem(f"{what} did not end within {LIMIT_SECONDS} s", ENGINE) from None
    if process.returncode != 0:
        raise Problem(f"{what} failed", (out + err).strip())
    return out


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.communicate(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
