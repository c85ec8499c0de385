"""A full disk: a clear error, no lost state, and a successful run once there is space."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.polling import wait_until
from tests.support.recovery import begin, recover, whole

NO_ROOM = "no space left on device"


@pytest.fixture
def disk(fresh: Deployment, tmp_path: Path) -> Iterator[Path]:
    """A megabyte that the deployment's state is on."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=True)
    fresh.environment["PULUMI_BACKEND_URL"] = f"file://{place}"
    fresh.pulumi("stack", "init", fresh.stack)
    yield place
    (place / "filler").unlink(missing_ok=True)
    fresh.operate("destroy", "--skip-preview", check=False)
    subprocess.run(["umount", place], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as filler:
        for size in (65536, 1):
            try:
                while filler.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def test_full_before(fresh: Deployment, disk: Path) -> None:
    fill(disk)
    failed = fresh.up(check=False)
    assert failed.returncode != 0
    assert NO_ROOM in failed.stdout + failed.stderr
    assert not any(fresh.left().values())
    (disk / "filler").unlink()
    recover(fresh)
    whole(fresh)


def test_full_in_the_middle(fresh: Deployment, disk: Path) -> None:
    run = begin(fresh)
    wait_until(lambda: bool(fresh.left()["containers"]), "a container is made")
    fill(disk)
    assert run.wait() != 0
    (disk / "filler").unlink()
    recover(fresh)
    whole(fresh)
