"""Five kinds of failing updates: each ends, shows the reason, and leaves no process.

ROUNDS says how many of each kind there are. Every second update has other processes beside it.
"""

import os
import time
from contextlib import nullcontext
from itertools import cycle

import pytest

from tests.support import pulumi_processes
from tests.support.busy import busy
from tests.support.deployment import Deployment
from tests.support.notes import note
from tests.support.polling import wait_until
from tests.support.updates import BAD_VERSIONS, change

ROUNDS = int(os.environ.get("ROUNDS", "1"))
WAIT_SECONDS = 12
MORE_SECONDS = 30  # what a bad version may take beyond waitTimeout on an idle machine
GOOD_WAIT_SECONDS = 120  # for a good version on a busy machine
NO_BUILD = ("USER 10001:10001", "RUN exit 7\nUSER 10001:10001")
NO_HOOK = (
    "    own = labels.of_inputs(",
    '    raise RuntimeError("no limit today")\n    own = labels.of_inputs(',
)
# The file, the edit, and what the failed update must print.
KINDS = {
    **{
        kind: ("services/microservice1/app.py", old, new, "did not become healthy")
        for kind, (old, new, _) in BAD_VERSIONS.items()
    },
    "build fails": ("services/Dockerfile", *NO_BUILD, "could not be built"),
    "hook fails": ("infra/process_limit.py", *NO_HOOK, "no limit today"),
}


def is_quiet() -> bool:
    return os.getloadavg()[0] < (os.cpu_count() or 1)


def fail(production: Deployment, kind: str, number: int) -> float:
    """Return how long the update took to fail."""
    name, old, new, said = KINDS[kind]
    file = production.project / name
    good = file.read_text()
    app = production.project / "services" / "microservice1" / "app.py"
    source = app.read_text()
    app.write_text(f"{source}# {number}\n")  # so that every kind replaces the replica
    change(file, old, new)
    wait = WAIT_SECONDS if kind in BAD_VERSIONS else GOOD_WAIT_SECONDS
    production.config["waitTimeout"] = str(wait)
    begun = time.monotonic()
    failed = production.up(check=False)  # has a time-out: a hang fails the test
    took = time.monotonic() - begun
    file.write_text(good)
    app.write_text(source)
    assert failed.returncode != 0
    assert said in failed.stdout + failed.stderr
    wait_until(lambda: not pulumi_processes.of(production), "its processes are gone")
    return took


@pytest.mark.timeout(ROUNDS * len(KINDS) * 400)
def test_failing_updates_end_and_leave_no_process(production: Deployment) -> None:
    other_work = cycle((False, True))
    for number in range(ROUNDS):
        for kind in KINDS:
            is_busy, was_quiet = next(other_work), is_quiet()
            with busy(cpu=2, disk=0) if is_busy else nullcontext():
                took = fail(production, kind, number)
            note(f"an update that fails, {kind}", f"{took:.0f} s{', busy' if is_busy else ''}")
            if kind in BAD_VERSIONS and was_quiet and not is_busy:
                assert took < WAIT_SECONDS + MORE_SECONDS, kind
        production.config["waitTimeout"] = str(GOOD_WAIT_SECONDS)
        production.up()
