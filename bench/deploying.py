"""Time to deploy from scratch, without changes, and to destroy: Pulumi and Compose in turns."""

import shutil
import uuid
from collections.abc import Mapping, Sequence
from statistics import median

from bench import growth, stacks
from bench.own_copy import Deployment
from bench.rows import Row, ratios
from tools.setup import process
from tools.setup.progress import Progress

Seconds = Mapping[str, float]  # of each operation

CONTAINERS = 3
THE_TUTORIALS = "`compose up` of the tutorial's stack"
NETWORK_WAIT_SECONDS = 2.0  # the provider sleeps for it at each creation and deletion


def rows(command: list[str], why_not: str, rounds: int, show: Progress) -> list[Row]:
    """Pair with Compose that deploys the same Dockerfiles and health checks, and the tutorial's."""
    if not command:
        paired = "compose up --build --wait"
        return [Row(what="cold `pulumi up`", paired_with=paired, skipped=why_not)]
    ours, same, tutorial = [], [], []
    with growth.project_of(CONTAINERS - 1) as deployment:
        for number in range(1, rounds + 1):
            with show.step("deploying", f"Pulumi, {number} of {rounds}"):
                ours.append(_by_pulumi(deployment))
            with show.step("deploying", f"the same by Compose, {number} of {rounds}"):
                same.append(_by_compose(deployment, command))
            with show.step("deploying", f"the tutorial's by Compose, {number} of {rounds}"):
                tutorial.append(_the_tutorial(command, show))
    return [*_beside_the_same(ours, same), *_beside_the_tutorial(ours, tutorial)]


def _by_pulumi(deployment: Deployment) -> dict[str, float]:
    """Return the seconds of each operation, at first without cached layers of the services."""
    deployment.forget_layers()
    return growth.timed(
        {
            "not built": deployment.up,
            "preview": deployment.preview,  # the containers have started by its end
            "no-op": deployment.up,
            "destroy": deployment.destroy,
            "built": deployment.up,
            "last destroy": deployment.destroy,
        }
    )


def _by_compose(deployment: Deployment, command: list[str]) -> dict[str, float]:
    deployment.forget_layers()
    with growth.composed(deployment, command, CONTAINERS - 1) as compose:
        up, down = ("up", "--detach", "--build", "--wait"), ("down", "--rmi", "local")
        return growth.timed(
            {
                "not built": lambda: compose(*up),
                "destroy": lambda: compose(*down),
                "built": lambda: compose(*up),
            }
        )


def _the_tutorial(command: list[str], show: Progress) -> dict[str, float]:
    """Return the seconds of each operation with the tutorial's stack; `compiling` is Go's part."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    with stacks.tutorial_folder() as folder:
        compose = [*command, "--project-directory", str(folder), "--project-name", name]
        up = (*compose, "up", "--detach", "--wait")
        cache = folder / "go-cache"
        try:
            return growth.timed(
                {
                    "compiling": lambda: stacks.compile_services(folder, show, cache=cache),
                    "compiled": lambda: process.run(*up, "--build"),
                    "no-op": lambda: process.run(*up),
                }
            )
        finally:
            process.run(*compose, "down", "--rmi", "local")
            shutil.rmtree(cache, ignore_errors=True)


def _beside_the_same(ours: Sequence[Seconds], theirs: Sequence[Seconds]) -> list[Row]:
    goals = {"not built": 1.5, "built": 2.0}
    return [
        Row(
            what=f"cold `pulumi up`, {CONTAINERS} containers, images {what}",
            paired_with="Compose with the same Dockerfiles and health checks",
            values=ratios(_of(ours, what), _of(theirs, what)),
            at_most=goal,
            detail=f"{_median(ours, what)} and {_median(theirs, what)} s",
        )
        for what, goal in goals.items()
    ]


def _beside_the_tutorial(ours: Sequence[Seconds], theirs: Sequence[Seconds]) -> list[Row]:
    cold = [one["compiling"] + one["compiled"] for one in theirs]
    mine = _median(ours, "not built")
    return [
        Row(
            what="cold `pulumi up`",
            paired_with=THE_TUTORIALS,
            values=ratios(_of(ours, "not built"), cold),
            detail=f"{mine} and {median(cold):.1f} s, of which Go compiles "
            f"{_median(theirs, 'compiling')} s, as in the tutorial's own image",
        ),
        Row(
            what="cold `pulumi up`, against programs compiled before",
            paired_with=THE_TUTORIALS,
            values=ratios(_of(ours, "not built"), _of(theirs, "compiled")),
            detail=f"{mine} and {_median(theirs, 'compiled')} s; the provider waits "
            f"{NETWORK_WAIT_SECONDS:.0f} s for a network and looks at health once a second",
        ),
        Row(
            what=f"no-op `pulumi up`, {CONTAINERS} containers",
            paired_with="`compose up`",
            values=tuple(_of(ours, "no-op")),
            unit="s",
            at_most=1.0,
            detail=f"Compose {_median(theirs, 'no-op')} s",
        ),
    ]


def _of(measured: Sequence[Seconds], what: str) -> list[float]:
    return [one[what] for one in measured]


def _median(measured: Sequence[Seconds], what: str) -> str:
    return f"{median(_of(measured, what)):.1f}"
