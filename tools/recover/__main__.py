"""python -m tools.recover --stack NAME: repair a stack after a killed run.

`make up` calls it first. It prints each repair, and does nothing if there is nothing to repair.
"""

import signal

if __name__ == "__main__":  # Ctrl-C during the imports below: no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from docker import DockerClient

from infra.engine import EngineError, client
from tools.recover import backend, drains, jobs, leftovers, limits, locks, plugins, state
from tools.recover.leftovers import Leftover
from tools.recover.state import EMPTY, State
from tools.setup.errors import Problem

NEVER = datetime.max.replace(tzinfo=UTC)
INTERRUPTED = 130
STOPPED = "cannot check whether an earlier run left anything behind"
CONTAINER = "docker:index/container:Container"


@dataclass
class Interrupted:
    """What is known of a run that was killed, to tell which leftovers are its own."""

    since: datetime = NEVER
    names: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    site: set[str] = field(default_factory=set)  # volumes that every update fills again
    everything: bool = False
    certain: bool = False

    def owns(self, leftover: Leftover) -> bool:
        """Return whether the run created it: other backends may have a stack of this name, too."""
        if leftover.kind == "volume" and leftover.id not in self.site:
            return False  # there may be data in it
        return (
            self.everything
            or leftover.created.timestamp() + 1 >= self.since.timestamp()
            or leftover.id in self.ids
            or not self.names.isdisjoint(leftover.names)
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.recover", description=__doc__)
    parser.add_argument("--stack", required=True, metavar="NAME")
    parser.add_argument(
        "--yes",
        action="store_true",
        help="also remove everything that has the stack's labels but is not in its state",
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        failed = recover(arguments.stack, everything=arguments.yes)
    except Problem as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 1
    except (EngineError, OSError) as error:
        print(Problem(STOPPED, str(error), "fix that and run it again"), file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next run continues where this one stopped", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    for one in failed:
        print(one, file=sys.stderr)  # noqa: T201
    return 1 if failed and arguments.yes else 0  # the update that follows may fix it


def recover(name: str, *, everything: bool) -> list[Problem]:
    """Repair the stack. Return the gateway's errors, which do not stop the other repairs."""
    stack = backend.find(name)
    interrupted = Interrupted(everything=everything, certain=everything)
    with client() as engine:
        return _recover(stack, engine, interrupted)


def _recover(stack: backend.Stack, engine: DockerClient, interrupted: Interrupted) -> list[Problem]:
    failed: list[Problem] = []
    _remove_stale_locks(stack, interrupted)
    current = _load_or_restore(stack, engine, interrupted)
    if current.pending:
        interrupted.certain = True
        say(f"unfinished operations of an earlier run: {len(current.pending)}")
    if interrupted.certain:
        current = heal(stack, engine, current, interrupted, failed)
    if stack.locks:  # in a shared backend another run may be active
        finish_hooks(engine, current, failed)
    _report_the_rest(stack, engine, current)
    return failed


def _remove_stale_locks(stack: backend.Stack, interrupted: Interrupted) -> None:
    found = locks.stale(stack.locks, stack.name) if stack.locks else []
    if found:
        say(f"the last run was killed ({found[0]}); its lock is removed")
        interrupted.certain = True
        interrupted.since = min(lock.since for lock in found)
        locks.remove(found)


def _load_or_restore(stack: backend.Stack, engine: DockerClient, interrupted: Interrupted) -> State:
    try:
        current = state.load(stack)
    except ValueError as error:
        say(str(error))
        return _restored(stack, interrupted)
    lost = current is None and interrupted.everything
    if (
        lost
        and any(state.copies(stack))
        and leftovers.find(engine, stack.project, stack.name, EMPTY)
    ):
        return _restored(stack, interrupted)
    return current or EMPTY


def _restored(stack: backend.Stack, interrupted: Interrupted) -> State:
    copy, current = state.restore(stack)
    say(
        f"restored the state of {current.saved.astimezone():%Y-%m-%d %H:%M:%S} from {copy}; "
        "docs/operations.md, section State, says how to restore an older one"
    )
    interrupted.certain = True
    interrupted.names |= current.names
    return current


def heal(
    stack: backend.Stack,
    engine: DockerClient,
    before: State,
    interrupted: Interrupted,
    failed: list[Problem],
) -> State:
    if ended := plugins.end_orphans(Path.cwd()):
        say(f"ended orphaned plugins of a Pulumi that was killed: {ended}")
    interrupted.names |= before.names_under_way
    interrupted.ids |= before.ids
    for known in (before, *(older for _, older in state.copies(stack))):
        interrupted.site |= known.site
    if stack.locks:  # with a shared backend the update that follows deletes them, under its lock
        finish_deletions(engine, before, failed)
    if before.resources or before.pending:
        _refresh(stack)  # fails if another run has the lock
    return _sweep(stack, engine, interrupted, failed)


def _refresh(stack: backend.Stack) -> None:
    refresh = ("refresh", "--stack", stack.name, "--clear-pending-creates")
    backend.pulumi(*refresh, "--yes", "--skip-preview")


def finish_hooks(engine: DockerClient, current: State, failed: list[Problem]) -> None:
    """Do what the hooks of a container would have done if Ctrl-C had not ended the program."""
    for name in limits.set_missing(engine, current):
        say(f"{name} has its process limit now")
    for name in jobs.remove_failed(engine, current):
        say(f"{name} had failed; the next update runs it again")
    found = drains.find(engine, current)
    if not found:
        return
    try:
        for name in drains.drained_and_healthy(engine, found):
            drains.restore(found, name)
            say(f"{name} gets requests again")
    except Problem as problem:
        failed.append(problem)


def finish_deletions(engine: DockerClient, before: State, failed: list[Problem]) -> None:
    """Finish deleting the containers that the killed run was deleting.

    If the gateway cannot drain one of them, it is left to the update that follows.
    """
    found = drains.find(engine, before)
    for resource in before.deletions_under_way:
        if resource["type"] != CONTAINER:
            continue
        try:
            if found and "BeforeDelete" in (resource.get("resourceHooks") or {}):  # in production
                drains.before_deletion(found, resource["inputs"])
            seconds = int(resource["inputs"].get("destroyGraceSeconds") or 0)
            leftovers.stop_and_remove(engine, resource["id"], seconds)
        except Problem as problem:
            failed.append(problem)


def _sweep(
    stack: backend.Stack, engine: DockerClient, interrupted: Interrupted, failed: list[Problem]
) -> State:
    listed = leftovers.find(engine, stack.project, stack.name, EMPTY)
    current = state.load(stack) or EMPTY
    if stack.locks:
        locks.stale(stack.locks, stack.name)  # raises if another run has started meanwhile
    # What another run is creating in a shared backend now is pending there, if not in the state.
    rest = [one for one in listed if current.names_under_way.isdisjoint(one.names)]
    for leftover in [one for one in rest if one.id not in current.ids]:
        if interrupted.owns(leftover):
            try:
                drains.before_removal(engine, current, leftover.names)
            except Problem as problem:
                failed.append(problem)
            leftovers.remove(engine, leftover)
            say(f"{leftover} was left over and is removed")
    return current


def _report_the_rest(stack: backend.Stack, engine: DockerClient, current: State) -> None:
    left = leftovers.find(engine, stack.project, stack.name, current)
    for volume in (one for one in left if one.kind == "volume"):
        say(
            f"{volume}: has the labels of stack {stack.name}, but is not in its state. It is kept, "
            f"as it may contain data. To remove it: docker volume rm {volume.id}"
        )
    rest = [one for one in left if one.kind != "volume"]
    if not rest:
        return
    what = f"{', '.join(map(str, rest))}: labelled for stack {stack.name}, but not in its state"
    remedy = (
        f"to remove it, or to restore a lost state: make recover STACK={stack.name} (it keeps "
        "volumes). If it is deployed from another backend, give this stack another name"
    )
    if not current.resources and any(one.kind == "container" for one in rest):
        raise Problem(what, remedy=remedy)
    say(f"{what}; {remedy}")


def say(text: str) -> None:
    print(f"recover: {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
