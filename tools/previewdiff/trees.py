"""The two trees that are compared: each is written to the same folder in turn."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.setup.errors import Problem

GIT_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Comparison:
    base: str
    head: str
    uncommitted: tuple[str, ...]
    note: str


class Repository:
    def __init__(self, folder: Path) -> None:
        self.root = folder  # where git is asked for the repository's own root
        self.root = Path(self._git("rev-parse", "--show-toplevel").strip())

    def compare(self, base: str) -> Comparison:
        """Compare with the commit where the branch left the base: only its own changes show."""
        tip = self._try(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"
        )
        if not tip:
            raise Problem(f"there is no commit {base!r} here", remedy=_remedy(base))
        start = self._try("merge-base", tip, "HEAD")
        behind = "Their common ancestor is not in this shallow clone, so every difference shows."
        status = self._git("status", "--porcelain", "--no-renames", "--untracked-files=all", "-z")
        return Comparison(
            base=start or tip,
            head=self._git("rev-parse", "HEAD").strip(),
            uncommitted=tuple(entry[3:] for entry in status.split("\0") if entry),
            note="" if start else behind,
        )

    def lay_out_commit(self, commit: str, folder: Path) -> None:
        _clear(folder)
        index = {"GIT_INDEX_FILE": str(folder.with_name("index"))}
        self._git("read-tree", commit, environment=index)
        self._git("checkout-index", "--all", f"--prefix={folder}/", environment=index)

    def lay_out_working_tree(self, folder: Path) -> None:
        """Copy what is tracked, and new files that git does not ignore."""
        _clear(folder)
        listed = self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in sorted(set(filter(None, listed.split("\0")))):
            source, target = self.root / name, folder / name
            if source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def _try(self, *arguments: str) -> str:
        try:
            return self._git(*arguments).strip()
        except Problem:
            return ""

    def _git(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.root,
                env={**os.environ, **(environment or {})},
                capture_output=True,
                text=True,
                check=False,
                timeout=GIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Problem(f"git {arguments[0]} did not end within {GIT_SECONDS} s") from None
        if done.returncode:
            raise Problem(f"git {arguments[0]} failed", done.stderr)
        return done.stdout


def _remedy(base: str) -> str:
    remote, _, branch = base.partition("/")
    if branch and not base.startswith("refs/"):
        return f"fetch it: git fetch {remote} +refs/heads/{branch}:refs/remotes/{base}"
    return "name a branch, a tag or a commit, or fetch it first: git fetch origin main"


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
