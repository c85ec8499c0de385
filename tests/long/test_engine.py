"""The engine crashes or restarts under a production stack, which then recovers by itself."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support import base
from tests.support.contract import HELLO, WHO, ask
from tests.support.deployment import PULUMI_SECONDS, Deployment
from tests.support.notes import note
from tests.support.polling import wait_until
from tests.support.recovery import begin, recover
from tests.support.rig import Node, Rig, why_not

BACK_SECONDS = 60
STARTED_SECONDS = 10.0  # after the engine answers
ROUNDS = int(os.environ.get("ROUNDS", "2"))
PORT = 8000

pytestmark = [
    pytest.mark.xdist_group("rig"),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "it runs"),
]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A machine of the test's own, with an engine that may be killed."""
    with Rig(1) as rig:
        (one,) = rig.nodes
        rig.load(one, *base.both())
        yield one


@pytest.fixture(scope="module")
def deployed(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", node.socket)
        one = Deployment(
            tmp_path_factory.mktemp("engine"),
            mode="production",
            replicas="2",
            bindAddress="0.0.0.0",
            frontendPort=str(PORT),
        )
        try:
            one.up()
            yield one
        finally:
            one.remove()


def is_served(node: Node) -> bool:
    url = f"http://{node.address}:{PORT}"
    with suppress(OSError):
        return (ask(f"{url}/api/v1/say_hello")[2], ask(f"{url}/api/v2/who_am_i")[2]) == (HELLO, WHO)
    return False


def check_who_serves(deployed: Deployment) -> None:
    """Docker before 29 may start nginx before the container whose network it joins: it fails then.

    The other one serves in its place until the next update.
    """

    def has_started() -> bool:
        return bool(deployed.container("nginx").status == "running")

    with suppress(AssertionError):
        wait_until(has_started, "nginx runs", STARTED_SECONDS)
    if not has_started():
        state = deployed.container("nginx").attrs["State"]
        assert "cannot join network of a non running container" in state["Error"]
        note(
            "nginx was not started by the engine", "the container beside it serves until `make up`"
        )
        deployed.up("--refresh")


@pytest.mark.parametrize("how", ["a power cut", "a graceful stop of the engine"] * ROUNDS)
def test_the_engine_goes_down_and_comes_back(deployed: Deployment, node: Node, how: str) -> None:
    assert is_served(node)
    deployed.engine.close()
    (node.crash if how == "a power cut" else node.stop)()
    assert not is_served(node)
    node.boot()
    began = time.monotonic()
    wait_until(lambda: is_served(node), "served again", BACK_SECONDS)
    note(how, f"served {time.monotonic() - began:.1f} s after the engine is back, by itself")
    check_who_serves(deployed)
    assert is_served(node)
    deployed.operate("preview", "--refresh", "--expect-no-changes")


def test_a_power_cut_in_the_middle_of_an_update(deployed: Deployment, node: Node) -> None:
    """The run fails; with the engine back, `make up` ends it as if nothing had been."""
    for app in deployed.project.glob("services/*/app.py"):
        app.write_text(f"{app.read_text()}# changed\n")
    before = set(deployed.ids())
    run = begin(deployed)
    wait_until(lambda: bool(set(deployed.ids()) - before), "a container is replaced")
    deployed.engine.close()
    node.crash()
    assert run.wait(PULUMI_SECONDS) != 0
    node.boot()
    wait_until(lambda: is_served(node), "served again", BACK_SECONDS)
    recover(deployed)
    deployed.up("--refresh")
    deployed.operate("preview", "--refresh", "--expect-no-changes")
    assert is_served(node)
