"""Releases of a production stack, and going back to one without a build."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.support import applied, base
from tests.support.contract import HELLO, ask
from tests.support.deployment import PULUMI_SECONDS, Deployment
from tests.support.load import Request, load
from tests.support.notes import note
from tests.support.polling import wait_until
from tests.support.recovery import begin, recover, state_file
from tests.support.updates import (
    REQUESTS_PER_SECOND,
    assert_nothing_lost,
    change,
    explained,
    ids,
    replaced,
)

pytestmark = pytest.mark.xdist_group("releases")

APP = "services/microservice1/app.py"
NEWER = b'{"Code":2000,"Message":"Hello newer"}'
GONE = "is not on the engine any more"
KEPT = 3  # in place of ten, as each takes an update
SAVES = 6  # writes of the state, until the first replica is under way


@pytest.fixture
def released(fresh: Deployment) -> Deployment:
    """One with two releases: the second answers otherwise, with another page and configuration."""
    fresh.config |= {"mode": "production", "replicas": "2"}
    fresh.up()
    edit(fresh)
    fresh.up()
    assert ask(f"{fresh.url}/api/v1/say_hello")[2] == NEWER
    return fresh


def edit(one: Deployment) -> None:
    change(one.project / APP, "Hello Microservice1", "Hello newer")
    append(one, "frontend/style.css", "\n/* newer */\n")
    append(one, "nginx/nginx.conf", "\n# newer\n")


def append(one: Deployment, name: str, text: str) -> None:
    file = one.project / name
    file.write_text(file.read_text() + text)


def allow_no_build(one: Deployment) -> None:
    """Let every build fail."""
    for name in ("services/Dockerfile", "nginx/Dockerfile"):
        (one.project / name).write_text("FROM scratch\nRUN no such program\n")


@contextmanager
def back_to(one: Deployment, release: str) -> Iterator[None]:
    one.environment["ROLL_BACK_TO"] = release
    try:
        yield
    finally:
        del one.environment["ROLL_BACK_TO"]


def roll_back(
    one: Deployment, release: str = "last", *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    with back_to(one, release):
        return one.up("--refresh", check=check)


def releases(one: Deployment) -> list[dict[str, Any]]:
    said = one.pulumi("stack", "output", "releases", "--json", "--stack", one.stack).stdout
    found: list[dict[str, Any]] = json.loads(said)
    return found


def tags(one: Deployment) -> set[str]:
    """Return those of the stack's images. The one of the gateway on standby is of no release."""
    return {tag for tag in applied.tags(one) if "frontend-standby:" not in tag}


def numbers(one: Deployment) -> list[tuple[int, int]]:
    return [(found["number"], found["back_to"]) for found in releases(one)]


def hello(one: Deployment) -> bytes:
    return ask(f"{one.url}/api/v1/say_hello")[2]


def test_a_roll_back_loses_no_request_and_builds_nothing(released: Deployment) -> None:
    """The working tree has changed meanwhile, and cannot be built."""
    old, new = (one["images"] for one in releases(released))
    assert {name for name in old if old[name] != new[name]} == {"microservice1", "frontend-site"}
    assert releases(released)[0]["bases"].keys() == set(base.both())
    assert tags(released) == {*old.values(), *new.values()}
    released.operate("preview", "--refresh", "--expect-no-changes")
    allow_no_build(released)
    append(released, APP, "\n# edited\n")
    append(released, "nginx/nginx.conf", "\n# edited\n")
    requests = [
        Request(path="/api/v1/say_hello", bodies=(HELLO, NEWER), keep_alive=keep_alive)
        for keep_alive in (True, False)
    ]
    before = ids(released)
    with load(released.url, requests, rate=REQUESTS_PER_SECOND) as report:
        said = roll_back(released).stdout
    note("a roll-back of a service with its page", report.summary())
    assert report.losses == [], explained(released, report)
    assert_nothing_lost(report)
    assert "Roll-back to release 1 of " in said
    assert "Data, secrets, the configuration and topology.py stay as they are." in said
    assert hello(released) == HELLO
    assert b"newer" not in ask(f"{released.url}/style.css")[2]
    after = ids(released)
    assert replaced(before, after) == {"router_one", "router_one_2", "frontend-site"}
    assert numbers(released) == [(1, 0), (2, 0), (3, 1)]
    assert releases(released)[-1]["images"] == old
    with back_to(released, "1"):
        released.operate("preview", "--refresh", "--expect-no-changes")
    listed = released.tool("releases").stdout
    assert "roll-back to 1" in listed
    assert "cannot be put back" not in listed
    leave_the_roll_back(released)
    a_killed_roll_back_is_ended_whole(released)


def leave_the_roll_back(one: Deployment) -> None:
    one.restore()
    one.config |= {"mode": "production", "replicas": "2"}
    edit(one)
    said = one.up("--refresh").stdout
    assert "Release 3 is a roll-back to 1; this update goes on from the working tree." in said
    assert hello(one) == NEWER
    assert numbers(one) == [(1, 0), (2, 0), (3, 1), (4, 0)]
    assert len(tags(one)) == len({*releases(one)[0]["images"].values()}) + 2
    one.operate("preview", "--refresh", "--expect-no-changes")


def a_killed_roll_back_is_ended_whole(released: Deployment) -> None:
    with back_to(released, "1"):
        process = begin(released)
    seen = {state_file(released).stat().st_mtime_ns}

    def has_saved() -> bool:
        with suppress(FileNotFoundError):
            seen.add(state_file(released).stat().st_mtime_ns)
        return len(seen) > SAVES or process.poll() is not None

    wait_until(has_saved, "the state is written")
    assert process.poll() is None, "SAVES is stale: it has ended"
    process.send_signal(signal.SIGKILL)
    process.wait(PULUMI_SECONDS)
    recover(released)
    allow_no_build(released)
    roll_back(released, "1")
    assert hello(released) == HELLO
    assert numbers(released) == [(1, 0), (2, 0), (3, 1), (4, 0), (5, 1)]
    kept = {tag for one in releases(released) for tag in one["images"].values()}
    assert tags(released) == kept
    assert len(ids(released)) == 7


def test_one_more_removes_the_images_of_the_first(fresh: Deployment) -> None:
    change(fresh.project / "infra/history.py", "KEPT = 10 ", f"KEPT = {KEPT} ")
    fresh.config |= {"mode": "production", "replicas": "1"}
    fresh.up()
    first = releases(fresh)[0]["images"]["frontend-site"]
    for number in range(2, KEPT + 2):
        assert first in tags(fresh), number
        append(fresh, "frontend/style.css", f"\n/* {number} */\n")
        fresh.up()
    assert [number for number, _ in numbers(fresh)] == list(range(2, KEPT + 2))
    kept = {tag for one in releases(fresh) for tag in one["images"].values()}
    assert tags(fresh) == kept
    assert first not in kept
    assert "'1' is no release; there are 2, 3" in roll_back(fresh, "1", check=False).stdout
    roll_back(fresh, "2")
    assert b"/* 3 */" not in ask(f"{fresh.url}/style.css")[2]
    fresh.destroy()
    assert not any(fresh.left().values())


def test_what_cannot_be_put_back_is_refused_and_the_rest_goes_on(released: Deployment) -> None:
    an_image_is_gone(released)
    a_bad_update(released)


def an_image_is_gone(released: Deployment) -> None:
    tag = releases(released)[0]["images"]["microservice1"]
    before = ids(released)
    released.engine.images.remove(tag, force=True)
    refused = roll_back(released, "1", check=False)
    assert refused.returncode != 0
    assert f"{tag} of release 1 {GONE}" in refused.stdout
    assert "'7' is no release; there are 1, 2" in roll_back(released, "7", check=False).stdout
    assert ids(released) == before
    assert hello(released) == NEWER
    assert f"{tag} is gone" in released.tool("releases").stdout
    released.up()  # does not know yet that the image is gone
    released.up("--refresh")
    released.operate("preview", "--refresh", "--expect-no-changes")
    assert ids(released) == before


def a_bad_update(released: Deployment) -> None:
    """It makes no release, so a roll-back puts back the one before it."""
    change(released.project / APP, "import chassis\n", "raise SystemExit('no coffee')\n")
    released.config["waitTimeout"] = "8"
    assert released.up(check=False).returncode != 0
    assert len(numbers(released)) == 2
    bad = tags(released)
    said = roll_back(released).stdout
    assert "Roll-back to release 2 of " in said
    assert hello(released) == NEWER
    assert numbers(released) == [(1, 0), (2, 0)]
    assert len(bad - tags(released)) == 1, "the bad version's image is removed"
