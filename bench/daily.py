"""The commands of a day: `make up` with nothing to do, `make status`, an edit of one service."""

import subprocess
import tempfile
import time
from pathlib import Path

from docker.models.containers import Container

from bench.own_copy import Deployment
from bench.rows import Row, ratios
from bench.wrk import BenchError
from infra.health import MIN_READY_SECONDS
from tools.setup.progress import Progress
from topology import SERVICES

DRAIN_SECONDS = "20"  # at most; a replica without requests is drained at once
REPLICAS = 2
LISTENS_SECONDS = 20


def rows(rounds: int, show: Progress) -> list[Row]:
    return [*_make(rounds, show), _edit_in_production(rounds, show)]


def _make(rounds: int, show: Progress) -> list[Row]:
    found: dict[str, list[float]] = {"up": [], "status": []}
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder))
        try:
            with show.step("daily", "make up, the first time"):
                deployment.make("up")
            with show.step("daily", "make up with nothing to do, and make status"):
                for _ in range(rounds):
                    for target, seconds in found.items():
                        began = time.monotonic()
                        deployment.make(target)
                        seconds.append(time.monotonic() - began)
        finally:
            deployment.remove()
    goals = {"up": ("`make up` with nothing to do", 2.5), "status": ("`make status`", 0.5)}
    return [
        Row(what=what, paired_with="", values=tuple(found[target]), unit="s", at_most=goal)
        for target, (what, goal) in goals.items()
    ]


def _edit_in_production(rounds: int, show: Progress) -> Row:
    """Pair an update of one service with the sum of its steps: a replica is drained, and so on."""
    updates: list[float] = []
    parts: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder))
        deployment.config |= {"mode": "production", "replicas": str(REPLICAS)}
        del deployment.config["services"]  # their host ports
        app = deployment.project / "services" / SERVICES[0].name / "app.py"
        try:
            deployment.up()
            with show.step("daily", "an edit of one service in production"):
                for number in range(rounds):
                    app.write_text(f"{app.read_text()}# {number}\n")
                    deployment.preview()
                    began = time.monotonic()
                    deployment.up()
                    updates.append(time.monotonic() - began)
                    replica = deployment.container(SERVICES[0].name)
                    parts.append(REPLICAS * _replacement(deployment, replica))
        finally:
            deployment.remove()
    detail = " and ".join(f"{sorted(line)[len(line) // 2]:.1f}" for line in (updates, parts))
    return Row(
        what=f"`pulumi up` of an edit of one service in `prod`, {REPLICAS} replicas",
        paired_with=f"drain, stop, start and {MIN_READY_SECONDS} s of proof, {REPLICAS} times",
        values=ratios(updates, parts),
        at_most=1.2,
        detail=f"{detail} s",
    )


def _replacement(deployment: Deployment, replica: Container) -> float:
    """Return the seconds that it takes at least to replace a replica."""
    gateway = ["docker", "exec", deployment.container("frontend").name or "", "gateway"]
    began = time.monotonic()
    drain = [*gateway, "drain", replica.name or "", DRAIN_SECONDS]
    subprocess.run(drain, check=True, capture_output=True, timeout=60)
    replica.stop(timeout=10)
    replica.start()
    _wait_until_it_listens(replica)
    took = time.monotonic() - began
    subprocess.run([*gateway, "restore", replica.name or ""], check=True, timeout=60)
    return took + MIN_READY_SECONDS


def _wait_until_it_listens(replica: Container) -> None:
    """Ask from inside: its network has no way from the host."""
    connect = ["bash", "-c", f": < /dev/tcp/127.0.0.1/{SERVICES[0].port}"]
    deadline = time.monotonic() + LISTENS_SECONDS
    while replica.exec_run(connect).exit_code != 0:
        if time.monotonic() > deadline:
            raise BenchError(f"{replica.name} did not listen within {LISTENS_SECONDS} s")
        time.sleep(0.02)
