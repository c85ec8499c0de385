"""Where Pulumi keeps a stack's state, and how its CLI is asked."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bootstrap.errors import Problem

PROJECT_FILE = Path("Pulumi.yaml")


@dataclass(frozen=True, kw_only=True)
class Stack:
    name: str
    project: str
    root: Path | None  # the folder of a file backend; others lock and back up on their own

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
    """The stack of the project in this folder, wherever its backend is."""
    found = re.search(r"^name:\s*(\S+)", PROJECT_FILE.read_text(), re.MULTILINE)
    url = json.loads(pulumi("whoami", "--verbose", "--json"))["url"]
    return Stack(name=name.rpartition("/")[2], project=found[1] if found else "", root=_folder(url))


def _folder(url: str) -> Path | None:
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = Path(unquote(parts.netloc + parts.path)).expanduser()
    return path / ".pulumi"


def pulumi(*arguments: str) -> str:
    """What the command prints. Raises Problem with all that it said when it fails."""
    done = subprocess.run(  # noqa: S603  fixed commands
        ["pulumi", *arguments, "--non-interactive"],  # noqa: S607  the user's PATH decides
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise Problem(f"`pulumi {' '.join(arguments)}` failed", said)
    return done.stdout
