"""One comment a pull request: made once, then edited. `gh` is a script that notes its arguments."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GH = """#!/bin/sh
echo "$*" >> "$NOTES"
[ "$1 $2" = "pr view" ] && printf '%s' "$FOUND"
exit 0
"""


def comment(folder: Path, *, found: str = "", gh: str | None = GH) -> tuple[int, str, list[str]]:
    notes = folder / "notes"
    notes.touch()
    if gh:
        (folder / "gh").write_text(gh)
        (folder / "gh").chmod(0o755)
    environment = {
        "PATH": f"{folder}{os.pathsep}/bin" if gh else str(folder),
        "PYTHONPATH": str(ROOT),
        "NOTES": str(notes),
        "FOUND": found,
        "PULL_REQUEST": "12",
    }
    done = subprocess.run(
        [sys.executable, "-m", "previewdiff.comment"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr, notes.read_text().splitlines()


def test_the_first_time(tmp_path: Path) -> None:
    (tmp_path / "preview-diff.md").write_text("summary")
    code, _, notes = comment(tmp_path)
    assert code == 0
    assert notes[1:] == ["pr comment 12 --body-file preview-diff.md"]


def test_the_same_comment_from_then_on(tmp_path: Path) -> None:
    (tmp_path / "preview-diff.md").write_text("summary")
    url = "https://github.com/owner/name/pull/12#issuecomment-345\n"
    code, _, notes = comment(tmp_path, found=url)
    assert code == 0
    path = "repos/{owner}/{repo}/issues/comments/345"
    assert notes[1:] == [f"api --method PATCH {path} --field body=@preview-diff.md --silent"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert "there is no preview-diff.md" in comment(tmp_path)[1]
    (tmp_path / "preview-diff.md").write_text("summary")
    (tmp_path / "gh").unlink()
    assert "there is no gh" in comment(tmp_path, gh=None)[1]


def test_what_github_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "preview-diff.md").write_text("summary")
    code, said, _ = comment(tmp_path, gh="#!/bin/sh\necho 'no such pull request' >&2; exit 1\n")
    assert (code, said) == (1, "error: gh pr view: no such pull request\n")
