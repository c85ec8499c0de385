"""Pulumi is killed at seeded random moments of create, replace and delete; one command recovers."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

import pytest

from tests.support.contract import HELLO, WHO
from tests.support.deployment import PULUMI_SECONDS, Deployment
from tests.support.load import Report, Request, load
from tests.support.notes import note
from tests.support.recovery import locks, recover, state_file

SEED = 20261124
CYCLES = int(os.environ.get("CYCLES", "18"))  # three kills in each, alternating between the modes
INTERRUPTIONS = ("SIGINT", "SIGTERM")
RECOVERED_WITHIN = 30.0
STEPS = ("create", "replace", "destroy")
RATE = 50
# New connections only: a reload may close a keep-alive connection just when it is used.
REQUESTS = [
    Request(path="/api/v1/say_hello", bodies=(HELLO,), keep_alive=False),
    Request(path="/api/v2/who_am_i", bodies=(WHO,), keep_alive=False),
]
SAVES = {  # how often an uninterrupted run writes its state, as counted
    ("development", "create"): 25,
    ("development", "replace"): 17,
    ("development", "destroy"): 22,
    ("production", "create"): 38,
    ("production", "replace"): 24,
    ("production", "destroy"): 32,
}


@dataclass
class Row:
    mode: str
    step: str
    signal: str
    saves: int  # kill after the state has been written this many times,
    then: float  # and this many seconds later
    seen: int = 0
    killed: bool = False
    ended_in: float = 0.0
    recovered_in: float = 0.0
    said: list[str] = field(default_factory=list)
    load: Report | None = None

    def what(self) -> str:
        moment = f"{self.saves:2} saves + {self.then:.2f} s" if self.killed else "ended before"
        return f"{self.mode[:4]} {self.step:7} {self.signal:7} {moment}"

    def __str__(self) -> str:
        lost = f", {self.load.lost} of {self.load.sent} lost" if self.load else ""
        if self.signal in INTERRUPTIONS:
            return f"ended by itself in {self.ended_in:.1f} s{lost}"
        return f"recovered in {self.recovered_in:.1f} s, {len(self.said)} lines said{lost}"


pytestmark = pytest.mark.xdist_group("killed")  # one table


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    rows: list[Row] = []
    yield rows
    for row in rows:
        note(row.what(), str(row))
    killed = [row for row in rows if row.killed]
    slowest = max((row.recovered_in for row in killed), default=0)
    note(f"{len(killed)} stopped, seed {SEED}", f"slowest recovery {slowest:.1f} s")


class Killing:
    """A deployment whose Pulumi is killed."""

    def __init__(self, one: Deployment, mode: str) -> None:
        self.one = one
        self.mode = mode
        self.one.config["mode"] = mode
        if mode == "production":
            self.one.config["replicas"] = "2"

    def killed(self, row: Row) -> bool:
        """Whether it was still running at the moment."""
        verb, *more = self._arguments(row.step)
        yes = ("--yes", "--skip-preview", "--non-interactive")
        with (self.one.project.parent / "killed.log").open("w") as log:
            process = subprocess.Popen(
                ["pulumi", verb, *self.one.configured(), *yes, *more],
                cwd=self.one.project,
                env=self.one.environment,
                stdout=log,
                stderr=log,
            )
            self._wait_for_saves(process, row)
            with suppress(subprocess.TimeoutExpired):
                process.wait(row.then)
            ended = process.poll() is not None
            process.send_signal(getattr(signal, row.signal))
            began = time.monotonic()
            code = process.wait(PULUMI_SECONDS)
            row.ended_in = time.monotonic() - began
            return not ended and code != 0

    def _wait_for_saves(self, process: subprocess.Popen[bytes], row: Row) -> None:
        file = state_file(self.one)
        seen = {file.stat().st_mtime_ns}
        while len(seen) <= row.saves and process.poll() is None:
            with suppress(FileNotFoundError):
                seen.add(file.stat().st_mtime_ns)
            time.sleep(0.002)
        row.seen = len(seen) - 1

    def _arguments(self, step: str) -> list[str]:
        return ["destroy", "--run-program"] if step == "destroy" else ["up"]

    def recover(self, row: Row) -> None:
        began = time.monotonic()
        row.said = recover(self.one).splitlines()
        row.recovered_in = time.monotonic() - began
        assert row.recovered_in < RECOVERED_WITHIN

    def check_state(self) -> None:
        exported = self.one.pulumi("stack", "export", "--stack", self.one.stack).stdout
        assert not json.loads(exported)["deployment"].get("pending_operations")
        assert [name for name in self.one.ids() if name not in exported] == []

    def finish(self, step: str) -> None:
        verb, *more = self._arguments(step)
        self.one.operate(verb, "--skip-preview", *more)
        if step == "destroy":
            assert not any(self.one.left().values())
        else:
            self.one.operate("preview", "--expect-no-changes")


def change_what_is_deployed(one: Deployment, mode: str) -> None:
    """So that in production the services are replaced, and in development all containers."""
    if mode == "development":
        one.config["imageVersion"] = "v2"
    for app in one.project.glob("services/*/app.py"):
        app.write_text(f"{app.read_text()}# changed\n")


@pytest.mark.parametrize("cycle", range(CYCLES))
def test_a_killed_run_is_healed(fresh: Deployment, rows: list[Row], cycle: int) -> None:
    sweep(fresh, rows, cycle, ("SIGKILL", "SIGHUP"))


@pytest.mark.parametrize("cycle", range(max(2, CYCLES // 3)))
def test_an_interrupted_run_leaves_nothing_to_heal(
    fresh: Deployment, rows: list[Row], cycle: int
) -> None:
    sweep(fresh, rows, cycle, INTERRUPTIONS)


def sweep(one: Deployment, rows: list[Row], cycle: int, signals: tuple[str, str]) -> None:
    """Stops a creation, a replacement and a deletion, each at a seeded moment, and goes on."""
    moments = random.Random(f"{SEED}-{cycle}")
    mode = ("development", "production")[cycle % 2]
    killing = Killing(one, mode)
    for step in STEPS:
        row = Row(
            mode=mode,
            step=step,
            signal=moments.choice(signals),
            saves=moments.randrange(SAVES[mode, step]),
            then=moments.uniform(0, 0.5),
        )
        rows.append(row)
        if step == "replace":
            change_what_is_deployed(one, mode)
        served = step == "replace" and mode == "production"
        with load(one.url, REQUESTS, rate=RATE) if served else nullcontext() as row.load:
            row.killed = killing.killed(row)
            if signals == INTERRUPTIONS:
                assert locks(one) == []
            else:
                killing.recover(row)
            killing.check_state()
            killing.finish(step)
        assert row.killed or row.seen >= row.saves, f"SAVES is stale: {row.seen} in {row.what()}"
        if row.load:
            assert row.load.losses == [], row.load.summary()
            assert row.load.sent > 5 * RATE, row.load.summary()
    assert any(row.killed for row in rows[-len(STEPS) :]), "nothing was killed"


@pytest.mark.parametrize("count", [2, 5])
def test_of_several_runs_at_once_one_goes_on(deployment: Deployment, count: int) -> None:
    """The others say at once who has the stack, and change nothing."""
    for number in range(CYCLES // 2 + 1):
        deployment.config["imageVersion"] = f"v{count}{number}"
        command = ["pulumi", "up", *deployment.configured(), "--yes", "--non-interactive"]
        runs = [
            subprocess.Popen(
                [*command, "--skip-preview"],
                cwd=deployment.project,
                env=deployment.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(count)
        ]
        said = [run.communicate(timeout=PULUMI_SECONDS)[0] for run in runs]
        others = [text for run, text in zip(runs, said, strict=True) if run.returncode != 0]
        assert len(others) in (count - 1, count), (
            said
        )  # if both start at the same moment, both may fail
        assert all("the stack is currently locked by" in text for text in others), others
        deployment.up()
        deployment.operate("preview", "--expect-no-changes")
    note(f"{CYCLES // 2 + 1} x {count} runs at once", "one went on, the others named it")
