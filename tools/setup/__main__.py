"""python3 -m tools.setup VERB: install what is missing; does nothing if all is installed."""

import signal

if __name__ == "__main__":  # Ctrl-C during the imports below: no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from tools.setup import (
    actionlint,
    base_images,
    browser,
    cli,
    docker_engine,
    environment,
    modules,
    paths,
    plan,
    plugin,
    process,
    python,
    swarm_of_one,
)
from tools.setup.errors import Problem, explain
from tools.setup.progress import Progress
from tools.setup.versions import NGINX_IMAGE, PYTHON_IMAGE

INTERRUPTED = 130
TERMINATED = 143


def tools(show: Progress, names: list[str]) -> None:
    process.in_parallel(lambda: docker(show, names), lambda: software(show))


def docker(show: Progress, names: list[str]) -> None:
    docker_engine.ensure(show)
    base_images.ensure(show, names or [PYTHON_IMAGE, NGINX_IMAGE])


def update(show: Progress, names: list[str]) -> None:
    docker_engine.ensure(show)
    base_images.update(show, names or [PYTHON_IMAGE, NGINX_IMAGE])


def software(show: Progress) -> None:
    process.in_parallel(lambda: python.sync(show), lambda: pulumi(show))


def pulumi(show: Progress) -> None:
    command, missing = cli.ensure(show)
    if not plugin.wanted(show, command):
        if missing:
            modules.build(show, missing)
        return
    with plugin.replacement() as built:
        modules.build(show, {**missing, modules.PLUGIN: built})


VERBS: dict[str, tuple[str, Callable[[Progress, list[str]], None]]] = {
    "tools": ("install everything that is missing", tools),
    "engine": (
        "start or install a Docker engine if none answers",
        lambda show, _: docker_engine.ensure(show),
    ),
    "images": ("also get the base images: IMAGE, or the default ones", docker),
    "update": ("pull newer versions of the base images: IMAGE, or the default ones", update),
    "pulumi": (
        "install the Pulumi CLI, its language host and the Docker plugin",
        lambda show, _: pulumi(show),
    ),
    "python": ("install uv and sync the virtual environment", lambda show, _: python.sync(show)),
    "browser": (
        "install Chromium, for the tests of the page",
        lambda show, _: browser.ensure(show),
    ),
    "actionlint": ("check the workflows with actionlint", lambda show, _: actionlint.check(show)),
    "swarm": (
        "create a swarm with this node, if the engine is in none",
        lambda show, _: swarm_of_one.ensure(show),
    ),
    "unswarm": (
        "leave the swarm that `swarm` created",
        lambda show, _: swarm_of_one.end(show),
    ),
    "stop": (
        "stop the Docker engine, if the setup started it",
        lambda show, _: docker_engine.stop(show),
    ),
}


def main() -> int:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        engine = environment.engine(arguments.stack)
        if arguments.verb == "env":
            print("\n".join([*environment.exports(), *engine]))
        else:
            _one_at_a_time(arguments)
    except KeyboardInterrupt:
        process.end_all()
        print("interrupted; the next run continues where this one stopped", file=sys.stderr)
        return INTERRUPTED
    except Problem as problem:
        process.end_all()
        print(f"\n{problem}", file=sys.stderr)
        if arguments.verb == "env":
            print("false")  # so that `eval` fails too
        return 1
    return 0


def _one_at_a_time(arguments: argparse.Namespace) -> None:
    show = Progress()
    try:
        with _lock(show):
            if arguments.then:
                show.note("plan", plan.describe(arguments.then))
            VERBS[arguments.verb][1](show, arguments.images)
    except process.FailedError as failed:
        raise explain("a command failed", failed.output, "run it again") from None
    except OSError as error:
        raise explain("the setup failed", str(error), "fix that and run it again") from None


@contextmanager
def _lock(show: Progress) -> Iterator[None]:
    """Allow only one setup at a time on this machine."""
    paths.state().mkdir(parents=True, exist_ok=True)
    with (paths.state() / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with show.step("setup", "waiting for another setup on this machine"):
                fcntl.flock(file, fcntl.LOCK_EX)
        os.set_inheritable(file.fileno(), False)  # noqa: FBT003
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tools.setup", description=__doc__)
    parser.add_argument(
        "--stack",
        default="",
        metavar="NAME",
        help="use its engine (docker:host)",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, (what, _) in VERBS.items():
        one = verbs.add_parser(verb, help=what)
        one.set_defaults(images=[], then="")
        if verb in ("tools", "images", "update"):
            one.add_argument("images", nargs="*", metavar="IMAGE")
        if verb == "tools":
            one.add_argument(
                "--then", default="", help="what is done afterwards, to show in the plan"
            )
    verbs.add_parser("env", help='print shell exports, for eval "$(make env)"')
    return parser


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    process.end_all()
    sys.exit(TERMINATED)


if __name__ == "__main__":
    sys.exit(main())
