"""`make up` after a killed run, with a damaged state, and beside a run that is active."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator

import docker
from docker.models.containers import Container

from infra.nginx import DRAINED
from tests.support import base, pulumi_processes
from tests.support.deployment import PULUMI_SECONDS, Deployment
from tests.support.polling import wait_until
from tests.support.processes import run
from tests.support.recovery import begin, exists, locks, recover, state_file, whole


@contextlib.contextmanager
def bystander(one: Deployment, stack: str) -> Iterator[Container]:
    """A container that a backend unknown here has deployed."""
    labels = {"microservices.project": "microservices", "microservices.stack": stack}
    container = one.engine.containers.create(base.python(), "true", labels=labels)
    made = time.monotonic()
    try:
        # Whatever was created after the lock, or less than a second before it, counts as the run's.
        wait_until(lambda: time.monotonic() - made > 1.5, "it is older than any run that follows")
        yield container
    finally:
        with contextlib.suppress(docker.errors.NotFound):
            container.remove(force=True)


def test_nothing_is_said_where_nothing_is_wrong(deployment: Deployment) -> None:
    assert recover(deployment) == ""


def test_killed_while_containers_are_made(fresh: Deployment) -> None:
    with bystander(fresh, fresh.stack) as namesake, bystander(fresh, "another") as other:
        run = begin(fresh)
        wait_until(lambda: len(fresh.left()["containers"]) > 1, "a container is made")
        run.send_signal(signal.SIGKILL)
        run.wait()
        said = recover(fresh)
        assert f"pid {run.pid}" in said
        assert "was left over and is removed" in said
        assert pulumi_processes.of(fresh) == {}
        assert fresh.left()["containers"] == [namesake.name]
        assert f"container {namesake.name}: labelled for" in said
        whole(fresh)
        recover(fresh, "--yes")
        assert not exists(namesake)
        assert exists(other)


def test_a_volume_with_data_is_kept_and_named(fresh: Deployment) -> None:
    labels = {"microservices.project": "microservices", "microservices.stack": fresh.stack}
    volume = fresh.engine.volumes.create(f"{fresh.prefix}data", labels=labels)
    mounts = {volume.name: {"bind": "/data", "mode": "rw"}}
    write, read = ["sh", "-c", "echo precious > /data/file"], ["cat", "/data/file"]
    fresh.engine.containers.run(base.python(), write, volumes=mounts, remove=True)
    said = recover(fresh, "--yes")
    assert f"docker volume rm {volume.name}" in said
    assert "removed" not in said
    found = fresh.engine.containers.run(base.python(), read, volumes=mounts, remove=True)
    assert found == b"precious\n"


def test_a_replica_that_is_out_gets_requests_again(standing: Deployment) -> None:
    gateway, replica = standing.container("frontend"), standing.container("microservice1", 2)
    is_out = ["test", "-e", f"{DRAINED}/router_one_2"]
    assert gateway.exec_run(["gateway", "drain", "router_one_2"]).exit_code == 0
    assert gateway.exec_run(is_out).exit_code == 0
    assert recover(standing) == f"recover: {replica.name} gets requests again\n"
    assert gateway.exec_run(is_out).exit_code == 1
    assert recover(standing) == ""


def test_a_preview_is_refused_where_the_stack_is_not(deployment: Deployment) -> None:
    ask_first = [sys.executable, "-m", "tools.recover.presence", "--stack", deployment.stack]
    where = {"cwd": deployment.project, "env": deployment.environment}
    assert run(ask_first, seconds=60, **where).returncode == 0
    file = state_file(deployment)
    content = file.read_text()
    try:
        elsewhere = content
        for number, known in enumerate(deployment.ids()):
            elsewhere = elsewhere.replace(known, f"{number:064}")
        file.write_text(elsewhere)
        refused = run(ask_first, seconds=60, **where)
    finally:
        file.write_text(content)
    assert refused.returncode == 1
    assert f"none of stack {deployment.stack}'s 4 containers and networks is on" in refused.stderr
    assert f"make up STACK={deployment.stack}" in refused.stderr


def test_a_second_run_and_a_recovery_name_the_first(deployment: Deployment) -> None:
    first = begin(deployment)
    try:
        wait_until(lambda: bool(locks(deployment)), "the first run locks the stack")
        first.send_signal(signal.SIGSTOP)
        second = deployment.up(check=False)
        assert second.returncode != 0
        assert f"(pid {first.pid})" in second.stdout + second.stderr
        said = recover(deployment, "--yes", code=1)
        assert f"stack {deployment.stack} is in use" in said
        assert f"kill -INT {first.pid}" in said
    finally:
        first.send_signal(signal.SIGCONT)
    assert first.wait(PULUMI_SECONDS) == 0
    deployment.operate("preview", "--expect-no-changes")
