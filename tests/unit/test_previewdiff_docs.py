"""docs/preview.md says what the command says; the command says what is wrong."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "preview.md").read_text()


def test_bad_input_is_one_error() -> None:
    for option, value in (("--base", "no/such"), ("--output", "no-such-folder")):
        command = [sys.executable, "-m", "tools.previewdiff", f"{option}={value}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert re.fullmatch(r"error: .*there is no .+\ndo:    .+\n", done.stderr), done.stderr
        assert value in done.stderr


def said() -> str:
    command = [sys.executable, "-m", "tools.previewdiff", "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_every_option() -> None:
    options = set(re.findall(r"^  (--[a-z-]+)", said(), re.MULTILINE))
    assert options == set(re.findall(r"^\| `(--[a-z-]+)", DOCS, re.MULTILINE))


def test_every_exit_code() -> None:
    codes = re.findall(r"^  (\d+) ", said(), re.MULTILINE)
    assert codes == re.findall(r"^\| (\d+) ", DOCS, re.MULTILINE)
