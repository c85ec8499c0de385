"""Time to deploy from scratch, without changes, and to destroy: Pulumi and Compose in turns."""

import contextlib
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench import growth, stacks
from bench.own_copy import Deployment
from bench.rows import Row, ratios
from tools.setup import process
from tools.setup.progress import Progress

CONTAINERS = 3
NETWORK_WAIT_SECONDS = 2.0  # the provider sleeps for it at each creation and deletion


class Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def of(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[what] = time.monotonic() - began


def by_pulumi() -> dict[str, float]:
    """Return the seconds of each operation with Pulumi, without cached layers of the services."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder))
        try:
            deployment.forget_layers()
            with watch.of("cold up"):
                deployment.up()
            with watch.of("no-op up"):
                deployment.up()
            with watch.of("destroy"):
                deployment.destroy()
        finally:
            deployment.remove()
    return watch.seconds


def by_compose(command: list[str], show: Progress) -> dict[str, float]:
    """Return the same for the tutorial's stack, whose cold up includes compiling its services."""
    watch = Stopwatch()
    name = f"bench-{uuid.uuid4().hex[:8]}"
    with stacks.tutorial_folder() as folder:
        compose = [*command, "--project-directory", str(folder), "--project-name", name]
        try:
            with watch.of("compiling"):
                stacks.compile_services(folder, show, cache=folder / "go-cache")
            with watch.of("compiled up"):
                process.run(*compose, "up", "--detach", "--build", "--wait")
            with watch.of("no-op up"):
                process.run(*compose, "up", "--detach", "--wait")
            with watch.of("destroy"):
                process.run(*compose, "down", "--rmi", "local")
        finally:
            process.run(*compose, "down", "--rmi", "local")
            shutil.rmtree(folder / "go-cache", ignore_errors=True)
    watch.seconds["cold up"] = watch.seconds["compiling"] + watch.seconds["compiled up"]
    return watch.seconds


def rows(command: list[str], why_not: str, rounds: int, show: Progress) -> list[Row]:
    if not command:
        paired = "compose up --build --wait"
        return [Row(what="cold `pulumi up`", paired_with=paired, skipped=why_not)]
    return [
        *_the_same(command, rounds, show),
        *_the_tutorials(command, rounds, show),
    ]


def _the_same(command: list[str], rounds: int, show: Progress) -> list[Row]:
    """Pair with Compose that deploys the same Dockerfiles, health checks and limits."""
    ours: dict[str, list[float]] = {"not built": [], "built": []}
    theirs: dict[str, list[float]] = {"not built": [], "built": []}
    with growth.project_of(CONTAINERS - 1) as deployment:
        for number in range(1, rounds + 1):
            deployment.forget_layers()
            with show.step("deploying", f"the same by Pulumi, {number} of {rounds}"):
                for what, seconds in ours.items():
                    watch = Stopwatch()
                    with watch.of(what):
                        deployment.up()
                    seconds.append(watch.seconds[what])
                    deployment.destroy()
            deployment.forget_layers()
            with (
                show.step("deploying", f"the same by Compose, {number} of {rounds}"),
                growth.composed(deployment, command, CONTAINERS - 1) as compose,
            ):
                for what, seconds in theirs.items():
                    watch = Stopwatch()
                    with watch.of(what):
                        compose("up", "--detach", "--build", "--wait")
                    seconds.append(watch.seconds[what])
                    compose("down", "--rmi", "local")
    goals = {"not built": 1.5, "built": 2.0}
    return [
        Row(
            what=f"cold `pulumi up`, {CONTAINERS} containers, images {what}",
            paired_with="Compose with the same Dockerfiles and health checks",
            values=ratios(ours[what], theirs[what]),
            at_most=goal,
            detail=f"{_median(ours[what])} and {_median(theirs[what])} s",
        )
        for what, goal in goals.items()
    ]


def _the_tutorials(command: list[str], rounds: int, show: Progress) -> list[Row]:
    ours, theirs = [], []
    for number in range(1, rounds + 1):
        with show.step("deploying", f"Pulumi, {number} of {rounds}"):
            ours.append(by_pulumi())
        with show.step("deploying", f"Compose, {number} of {rounds}"):
            theirs.append(by_compose(command, show))
    compiled = [one["compiled up"] for one in theirs]
    cold = [one["cold up"] for one in ours], [one["cold up"] for one in theirs]
    return [
        Row(
            what="cold `pulumi up`",
            paired_with="`compose up` of the tutorial's stack",
            values=ratios(*cold),
            detail=f"{_median(cold[0])} and {_median(cold[1])} s, of which Go compiles "
            f"{_median([one['compiling'] for one in theirs])} s, as in the tutorial's own image",
        ),
        Row(
            what="cold `pulumi up`, against programs compiled before",
            paired_with="`compose up` of the tutorial's stack",
            values=ratios(cold[0], compiled),
            detail=f"{_median(cold[0])} and {_median(compiled)} s; the provider waits "
            f"{NETWORK_WAIT_SECONDS:.0f} s for a network and looks at health once a second",
        ),
        Row(
            what="no-op `pulumi up`, 3 containers",
            paired_with="`compose up`",
            values=tuple(one["no-op up"] for one in ours),
            unit="s",
            at_most=1.0,
            detail=f"Compose {_median([one['no-op up'] for one in theirs])} s",
        ),
    ]


def _median(values: list[float]) -> str:
    return f"{sorted(values)[len(values) // 2]:.1f}"
