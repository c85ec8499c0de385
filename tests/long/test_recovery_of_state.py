"""Interrupted runs, a damaged or lost state, and leftovers of a crashed engine."""

import os
import signal

from tests.support import base
from tests.support.deployment import PULUMI_SECONDS, Deployment
from tests.support.polling import wait_until
from tests.support.recovery import begin, exists, recover, state_file, whole


def test_interrupted_while_containers_are_made(fresh: Deployment) -> None:
    """As Ctrl-C does: to Pulumi, its plugins and the program at once."""
    run = begin(fresh)
    wait_until(lambda: bool(fresh.containers()), "a container is made")
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(PULUMI_SECONDS) != 0
    said = recover(fresh)
    made = fresh.containers()
    assert made
    assert all(f"{one.name} has its process limit now" in said for one in made)
    assert {one.attrs["HostConfig"]["PidsLimit"] for one in made} == {64}
    assert recover(fresh) == ""
    whole(fresh)


def test_what_an_engine_that_died_had_only_created_gives_way(fresh: Deployment) -> None:
    """Pulumi was told that the creation failed, so no state and no lock speaks of it."""
    labels = {"microservices.project": "microservices", "microservices.stack": fresh.stack}
    name = f"{fresh.prefix}router_one"
    left = fresh.engine.containers.create(base.python(), "true", name=name, labels=labels)
    fresh.up()
    assert not exists(left)
    assert fresh.container("microservice1").health == "healthy"


def test_a_torn_state(deployment: Deployment) -> None:
    file = state_file(deployment)
    half = file.read_bytes()[: file.stat().st_size // 2]
    file.write_bytes(half)
    said = recover(deployment)
    assert f"{file} cannot be read" in said
    assert f" from {file.parents[2]}" in said
    assert max(file.parent.glob("*.damaged-*")).read_bytes() == half
    whole(deployment)


def test_a_lost_state_comes_back_when_asked_for(deployment: Deployment) -> None:
    state_file(deployment).unlink()
    containers = deployment.left()["containers"]
    said = recover(deployment, code=1)
    assert f"make recover STACK={deployment.stack}" in said
    assert deployment.left()["containers"] == containers
    assert "restored the state of" in recover(deployment, "--yes")
    whole(deployment)
