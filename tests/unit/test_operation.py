"""The program detects a destroy by the command line of its Pulumi."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import operation

ROOT = Path(__file__).resolve().parents[2]
ASK = "from infra import operation; print(operation.is_destroy())"


@pytest.mark.parametrize(
    "line",
    [
        "destroy --yes --run-program",
        "down",
        "--non-interactive destroy",
        "-C /project --color never -Q destroy --stack prod",
        "--cwd=/project --stack prod dn",
    ],
)
def test_destroys(line: str) -> None:
    assert operation.command(line.split()) in operation.DESTROY


@pytest.mark.parametrize(
    "line", ["up --stack destroy", "-C destroy up", "--cwd destroy", "preview destroy", ""]
)
def test_other_commands(line: str) -> None:
    assert operation.command(line.split()) not in operation.DESTROY


@pytest.mark.parametrize(("command", "right"), [("destroy", "True"), ("up", "False")])
def test_the_nearest_pulumi_above_counts(tmp_path: Path, command: str, right: str) -> None:
    """A shell stands in for Pulumi and one for the language host between it and the program."""
    pulumi = tmp_path / "pulumi"
    shutil.copy2(shutil.which("bash") or "", pulumi)
    host = f'bash -c "{sys.executable} -c \\"{ASK}\\"; true"; true'
    (tmp_path / command).write_text(host)
    done = subprocess.run(
        [pulumi, command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == right
