"""Interrupt runs, find the files of their backend, and run the recovery."""

import subprocess
import sys
from pathlib import Path

import docker
from docker.models.containers import Container

from tests.support.contract import HELLO, ask
from tests.support.deployment import Deployment


def recover(one: Deployment, *more: str, code: int = 0) -> str:
    """Run the recovery as `make up` does, or with --yes as `make recover`. Return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.recover", "--stack", one.stack, *more],
        cwd=one.project,
        env=one.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def begin(one: Deployment) -> subprocess.Popen[bytes]:
    yes = ("--yes", "--skip-preview", "--non-interactive")
    return subprocess.Popen(
        ["pulumi", "up", *one.configured(), *yes],
        cwd=one.project,
        env=one.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def folder(one: Deployment, kind: str) -> Path:
    root = Path(one.environment["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi"
    return root / kind / "microservices"


def locks(one: Deployment) -> list[Path]:
    place = folder(one, "locks").parent / "organization" / "microservices" / one.stack
    return list(place.glob("*.json"))


def state_file(one: Deployment) -> Path:
    return folder(one, "stacks") / f"{one.stack}.json"


def whole(one: Deployment) -> None:
    one.up()
    one.operate("preview", "--refresh", "--expect-no-changes")
    assert ask(one.url + "/api/v1/say_hello")[2] == HELLO


def exists(container: Container) -> bool:
    try:
        container.reload()
    except docker.errors.NotFound:
        return False
    return True
