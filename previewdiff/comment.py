"""Puts the summary on a pull request, always in the same comment. Needs GitHub's `gh`."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from previewdiff.report import MARKER

OURS = f'.comments[] | select(.viewerDidAuthor and (.body | startswith("{MARKER}"))) | .url'


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m previewdiff.comment", description=__doc__)
    number = os.environ.get("PULL_REQUEST", "")
    parser.add_argument("--pull-request", default=number, required=not number, metavar="NUMBER")
    parser.add_argument("--file", type=Path, default=Path("preview-diff.md"))
    arguments = parser.parse_args()
    if not arguments.file.is_file():
        print(f"error: there is no {arguments.file}; make preview-diff writes it", file=sys.stderr)
        return 1
    try:
        print(put(arguments.pull_request, arguments.file))
    except FileNotFoundError:
        print("error: there is no gh on the PATH; https://cli.github.com", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: gh {' '.join(error.cmd[1:3])}: {error.stderr.strip()}", file=sys.stderr)
        return 1
    return 0


def put(number: str, file: Path) -> str:
    """Edit the comment that is there, or make the first. Returns its address."""
    found = _gh("pr", "view", number, "--json", "comments", "--jq", OURS).split()
    if not found:
        return _gh("pr", "comment", number, "--body-file", str(file)).strip()
    comment = f"repos/{{owner}}/{{repo}}/issues/comments/{found[0].rpartition('-')[2]}"
    _gh("api", "--method", "PATCH", comment, "--field", f"body=@{file}", "--silent")
    return found[0]


def _gh(*arguments: str) -> str:
    done = subprocess.run(["gh", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
