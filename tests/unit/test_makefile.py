"""The recipes stop at the first failure with every GNU Make."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Stands in for Pulumi's CLI and records its arguments in this file."""
    (tmp_path / "pulumi").write_text('#!/bin/sh\necho "$@" >> "$0.asked"\n')
    (tmp_path / "pulumi").chmod(0o755)
    return tmp_path / "pulumi.asked"


def runs_what_follows(folder: Path) -> str:
    """Return a stand-in for Python that succeeds, and runs what a tool is to run: after `--`."""
    file = folder / "python"
    file.write_text(
        "#!/bin/sh\n"
        "until [ $# = 0 ]; do\n"
        '  [ "$1" != -- ] || { shift; exec "$@"; }\n'
        "  shift\n"
        "done\n"
    )
    file.chmod(0o755)
    return str(file)


def make(target: str, asked: Path, python: str) -> int:
    """Run the recipe as GNU Make 3.81 does, and return the exit code.

    `python` is the outcome of the recovery and of the checks: false, or what succeeds.
    .SHELLFLAGS has Make's own default, from which 3.81 does not deviate.
    """
    command = ["make", target, "STACK=dev", "SETUP=true", f"PYTHON={python}", ".SHELLFLAGS=-c"]
    path = f"{asked.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=60).returncode


@pytest.mark.parametrize("target", ["up", "preview", "destroy"])
class TestBeforePulumi:
    def test_a_failed_check_stops_the_recipe(self, target: str, asked: Path) -> None:
        assert make(target, asked, "false") != 0
        done = asked.read_text() if asked.exists() else ""
        assert all(line.startswith("stack select") for line in done.splitlines())

    def test_one_that_succeeds_does_not(self, target: str, asked: Path) -> None:
        assert make(target, asked, runs_what_follows(asked.parent)) == 0
        assert f"\n{target} --stack dev" in asked.read_text()


@pytest.mark.parametrize("target", ["up", "status", "logs", "open", "shell", "run", "backup"])
def test_a_recipe_uses_the_engine_of_its_stack(target: str) -> None:
    command = ["make", "--dry-run", target, "STACK=one"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert "tools.setup --stack one env" in done.stdout


@pytest.mark.parametrize(
    ("target", "wanted"), [("up", ""), ("rollback", "last"), ("rollback RELEASE=3", "3")]
)
def test_only_a_roll_back_names_a_release(target: str, wanted: str) -> None:
    """An update never is one, whatever the environment has."""
    command = ["make", "--dry-run", *target.split(), "STACK=one"]
    environment = {**os.environ, "ROLL_BACK_TO": "5"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert f'ROLL_BACK_TO="{wanted}" .venv/bin/python -m tools.price up' in done.stdout
