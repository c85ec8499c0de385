"""A stack on a server that is reached by ssh."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.support.contract import HELLO, WHO, ask
from tests.support.deployment import Deployment
from tests.support.load import load
from tests.support.notes import note
from tests.support.polling import wait_until
from tests.support.processes import run
from tests.support.ssh_server import SshServer, must_be_installed
from tests.support.updates import assert_nothing_lost, edit_code, ids, mixed, replaced

SHELL = 'eval "$(python3 -m tools.setup --stack {stack} env)" && {command}'
SECONDS = 60


@pytest.fixture
def server() -> Iterator[SshServer]:
    must_be_installed()
    with SshServer() as one:
        yield one


@pytest.fixture
def remote(server: SshServer, fresh: Deployment) -> Deployment:
    fresh.config |= {"mode": "production", "replicas": "2", "docker:host": server.address}
    fresh.environment |= server.environment
    fresh.configured()
    (fresh.project / f"Pulumi.{fresh.stack}.yaml").write_text(fresh.config_file.read_text())
    return fresh


def in_a_shell(remote: Deployment, command: str) -> str:
    """Run the command as `make COMMAND STACK=...` does, and return what it prints."""
    script = SHELL.format(stack=remote.stack, command=command)
    environment = {**remote.environment, "DOCKER_CONTEXT": "default"}
    done = run(["bash", "-c", script], seconds=SECONDS, cwd=remote.project, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_update_by_ssh_loses_no_request_and_opens_one_connection(
    server: SshServer, remote: Deployment
) -> None:
    remote.up()
    assert ask(f"{remote.url}/api/v1/say_hello")[2] == HELLO
    edit_code(remote, "microservice1")
    edit_code(remote, "microservice2")
    before = ids(remote)
    with load(remote.url, mixed(remote), rate=200) as report:
        remote.up("--refresh")
    note("update by ssh", report.summary())
    assert_nothing_lost(report)
    assert {name for name in before if before[name] != ids(remote)[name]} >= {
        *("router_one", "router_one_2", "router_two", "router_two_2")
    }
    assert "unchanged" in remote.operate("preview", "--refresh", "--expect-no-changes").stdout
    assert server.connections() == 1
    remote.destroy()
    left = remote.left()
    assert left["containers"] == left["networks"] == left["volumes"] == []


def test_the_commands_of_a_day_use_the_stacks_engine(server: SshServer, remote: Deployment) -> None:
    remote.up()
    assert str(server.folder) in in_a_shell(remote, "echo $DOCKER_HOST")
    operate = f".venv/bin/python -m tools.operate --stack {remote.stack}"
    assert "router_one_2" in in_a_shell(remote, f"{operate} status")
    recover = ".venv/bin/python -m tools.recover"
    in_a_shell(remote, f"{recover}.presence --stack {remote.stack}")
    in_a_shell(remote, f"{recover} --stack {remote.stack}")
    assert server.connections() == 1


def test_a_server_that_refuses_is_one_clear_error(server: SshServer, remote: Deployment) -> None:
    (server.folder / "key.pub").write_text("")
    for verb in ("up", "preview"):
        refused = remote.operate(verb, check=False)
        assert refused.returncode != 0
        assert f"docker:host: {server.address} cannot be used: " in refused.stdout
        assert "Permission denied (publickey" in refused.stdout
        assert "Traceback" not in refused.stdout
    assert not any(remote.left().values())


def test_two_engines_are_refused_with_both_names(server: SshServer, remote: Deployment) -> None:
    remote.environment["DOCKER_HOST"] = "unix:///another.sock"
    refused = remote.operate("preview", check=False)
    assert refused.returncode != 0
    expected = f"docker:host names {server.address}, DOCKER_HOST names unix:///another.sock"
    assert expected in " ".join(refused.stdout.split())


def test_an_update_whose_connection_breaks_is_ended_by_the_next(
    server: SshServer, remote: Deployment
) -> None:
    remote.up()
    edit_code(remote, "microservice1")
    before = ids(remote)
    broken: list[str] = []
    update = threading.Thread(target=lambda: broken.append(remote.up(check=False).stdout))
    update.start()
    wait_until(lambda: ids(remote) != before, "the first replica is replaced")
    for pid in server.tunnels():
        os.kill(pid, signal.SIGKILL)
    update.join()
    assert "failed" in broken[0]
    in_a_shell(remote, "true")  # opens it again
    remote.up("--refresh")
    assert ask(f"{remote.url}/api/v1/say_hello")[2] == HELLO
    assert ask(f"{remote.url}/api/v2/who_am_i")[2] == WHO
    after = ids(remote)
    assert after.keys() == before.keys()
    assert replaced(before, after) >= {
        "router_one",
        "router_one_2",
    }
