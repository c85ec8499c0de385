"""What the recovery does to containers, and what it checks before."""

import json
import os
import shutil
import subprocess
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from infra import timeouts
from tools.recover import __main__ as program
from tools.recover import backend, drains, jobs, leftovers, limits, plugins, presence, state
from tools.recover.leftovers import Leftover
from tools.setup.errors import Problem

ROOT = Path(__file__).resolve().parents[2]
KIND = "docker:index/container:Container"
REPLICA = {
    "urn": f"urn:{KIND}::microservice1",
    "type": KIND,
    "id": "replica",
    "inputs": {"name": "one-router_one", "destroyGraceSeconds": 37},
    "resourceHooks": {"BeforeDelete": ["drain"]},
}
DELETING = state.State(
    resources=[REPLICA],
    pending=[{"type": "deleting", "resource": REPLICA}],
    saved=state.EMPTY.saved,
)


class Gateway:
    """A gateway's container that answers every command alike."""

    name = "one-frontend"

    def __init__(self, code: int, said: bytes = b"", status: str = "running") -> None:
        self.code, self.said, self.status = code, said, status
        self.commands: list[list[str]] = []

    def exec_run(self, command: list[str]) -> tuple[int, bytes]:
        self.commands.append(command)
        return (0, b"router_one\n") if "ls" in command else (self.code, self.said)

    def reload(self) -> None:
        pass


class Engine:
    """One whose only replica is healthy."""

    def __init__(self) -> None:
        self.containers = self
        self.name = self.id = "one-router_one"

    def list(self, **_: object) -> list["Engine"]:
        return [self]


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The containers that were removed."""
    found: list[str] = []
    monkeypatch.setattr(
        leftovers, "stop_and_remove", lambda _, container, _seconds: found.append(container)
    )
    monkeypatch.setattr(leftovers, "find", lambda *_: [])
    monkeypatch.setattr(plugins, "end_orphans", lambda _: 0)
    monkeypatch.setattr(limits, "set_missing", lambda *_: [])
    return found


def stand_in(monkeypatch: pytest.MonkeyPatch, one: Gateway) -> None:
    monkeypatch.setattr(drains, "find", lambda *_: one)


class TestDrain:
    def delete(self) -> list[Problem]:
        failed: list[Problem] = []
        program.finish_deletions(Engine(), DELETING, failed)  # type: ignore[arg-type]
        return failed

    def test_a_drained_replica_is_removed(
        self, monkeypatch: pytest.MonkeyPatch, removed: list[str]
    ) -> None:
        one = Gateway(0)
        stand_in(monkeypatch, one)
        assert self.delete() == []
        assert one.commands == [["gateway", "drain", "router_one", "45"]]
        assert removed == ["replica"]

    def test_one_that_the_gateway_keeps_stays(
        self, monkeypatch: pytest.MonkeyPatch, removed: list[str]
    ) -> None:
        stand_in(monkeypatch, Gateway(1, b"no such replica"))
        (problem,) = self.delete()
        assert "`gateway drain router_one 45` failed" in str(problem)
        assert "no such replica" in str(problem)
        assert removed == []

    def test_one_with_streams_is_drained_for_as_long_as_its_row_says(self) -> None:
        labels = [{"label": "microservices.streams", "value": "60"}]
        inputs = {"name": "one-router_one", "destroyGraceSeconds": 12, "labels": labels}
        one = Gateway(0)
        drains.drain(one, inputs)  # type: ignore[arg-type]
        assert one.commands == [["gateway", "drain", "router_one", "60"]]

    def test_so_does_one_that_is_not_drained_in_time(
        self, monkeypatch: pytest.MonkeyPatch, removed: list[str]
    ) -> None:
        hanging = Gateway(0)
        over = Event()
        monkeypatch.setattr(hanging, "exec_run", lambda _: over.wait(60))
        monkeypatch.setattr(timeouts, "drained", lambda *_: 0.1)
        stand_in(monkeypatch, hanging)
        (problem,) = self.delete()
        over.set()
        assert "`gateway drain router_one 45` failed" in str(problem)
        assert removed == []

    def test_a_gateway_that_died_sends_nothing(
        self, monkeypatch: pytest.MonkeyPatch, removed: list[str]
    ) -> None:
        stand_in(monkeypatch, Gateway(137, status="exited"))
        assert self.delete() == []
        assert removed == ["replica"]


@pytest.mark.parametrize(
    ("left_over", "commands"),
    [("one-frontend-nginx", [["gateway", "take-over"]]), ("one-router_one", [])],
)
def test_the_nginx_on_standby_takes_over_from_a_leftover_that_serves(
    monkeypatch: pytest.MonkeyPatch, left_over: str, commands: list[list[str]]
) -> None:
    gateway = Gateway(0)
    stand_in(monkeypatch, gateway)
    drains.before_removal(Engine(), DELETING, [left_over])  # type: ignore[arg-type]
    assert gateway.commands == commands


class Ended:
    """An engine with one container that has ended."""

    def __init__(self, policy: str, code: int, container: str = "replica") -> None:
        self.containers, self.name, self.id = self, "one-orders_release", container
        self.attrs = {
            "HostConfig": {"RestartPolicy": {"Name": policy}},
            "State": {"ExitCode": code},
        }
        self.is_removed = False

    def list(self, **_: object) -> list["Ended"]:
        return [self]

    def remove(self) -> None:
        self.is_removed = True


@pytest.mark.parametrize(
    ("one", "is_removed"),
    [
        (Ended("no", 1), True),
        (Ended("no", 0), False),
        (Ended("always", 1), False),
        (Ended("no", 1, "another's"), False),
    ],
)
def test_what_was_to_run_once_and_failed_runs_again(one: Ended, *, is_removed: bool) -> None:
    names = jobs.remove_failed(one, DELETING)  # type: ignore[arg-type]
    assert (one.is_removed, names == [one.name]) == (is_removed, is_removed)


class Stopping:
    """A container that is stopped; it records how long it may take."""

    def __init__(self, stop_timeout: int | None) -> None:
        self.attrs = {"Config": {"StopTimeout": stop_timeout}}
        self.containers = self
        self.limits: list[int] = []

    def get(self, _: str) -> "Stopping":
        return self

    def stop(self, *, timeout: int) -> None:
        self.limits.append(timeout)

    def remove(self, **_: object) -> None:
        pass

    def wait(self, **_: object) -> None:
        pass


@pytest.mark.parametrize(("own", "expected"), [(37, 37), (None, 12)])
def test_a_leftover_has_its_own_time_to_stop(own: int | None, expected: int) -> None:
    """One of an older version has none; it gets the default's."""
    one = Stopping(own)
    leftovers.stop_and_remove(one, "replica")  # type: ignore[arg-type]
    assert one.limits == [expected]


class TestRestore:
    def finish(self) -> list[Problem]:
        failed: list[Problem] = []
        program.finish_hooks(Engine(), DELETING, failed)  # type: ignore[arg-type]
        return failed

    @pytest.mark.usefixtures("removed")
    def test_what_is_restored_is_said(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stand_in(monkeypatch, Gateway(0))
        assert self.finish() == []
        assert "one-router_one gets requests again" in capsys.readouterr().out

    @pytest.mark.usefixtures("removed")
    def test_what_is_refused_is_said(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stand_in(monkeypatch, Gateway(1, b"nginx: broken"))
        (problem,) = self.finish()
        assert "nginx: broken" in str(problem)
        assert "again" not in capsys.readouterr().out


class TestSharedBackend:
    """Only Pulumi can see its lock, so what a lock must protect is left to Pulumi."""

    stack = backend.Stack(name="prod", project="p", root=None)
    other = Leftover(
        kind="container", id="new", names=("one-router_one",), created=datetime.now(UTC)
    )

    @pytest.fixture(autouse=True)
    def _engine(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, removed: list[str]) -> None:
        self.folder = tmp_path
        self.drained = Gateway(0)
        stand_in(monkeypatch, self.drained)
        monkeypatch.setattr(leftovers, "find", lambda *_: [self.other])
        monkeypatch.setattr(leftovers, "remove", lambda _, one: removed.append(one.id))
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        self.pulumi("refresh) ;;")
        self.state()

    def pulumi(self, refresh: str) -> None:
        """Stand in for a CLI whose `pulumi refresh` does this."""
        export = f"stack) cat {self.folder}/state;;"
        script = f"#!/bin/sh\necho $1 >> {self.folder}/asked\ncase $1 in {export} {refresh} esac\n"
        (self.folder / "pulumi").write_text(script)
        (self.folder / "pulumi").chmod(0o755)

    def state(self, *pending: dict[str, Any]) -> None:
        latest = {
            "manifest": {"time": datetime.now(UTC).isoformat()},
            "resources": [REPLICA],
            "pending_operations": list(pending),
        }
        (self.folder / "state").write_text(json.dumps({"deployment": latest}))

    def heal(self) -> None:
        creating = {"type": "creating", "resource": REPLICA}
        before = replace(DELETING, pending=[*DELETING.pending, creating])
        program.heal(self.stack, Engine(), before, program.Interrupted(certain=True), [])  # type: ignore[arg-type]

    def test_another_run_has_the_lock(self, removed: list[str]) -> None:
        self.pulumi("refresh) echo the stack is currently locked; exit 255;;")
        with pytest.raises(Problem, match="currently locked"):
            self.heal()
        assert removed == []
        assert self.drained.commands == []

    def test_another_run_begins_after_the_refresh(self, removed: list[str]) -> None:
        self.state({"type": "creating", "resource": REPLICA})
        self.heal()
        assert removed == []
        assert self.drained.commands == []

    def test_nobody_has_it(self, removed: list[str]) -> None:
        self.heal()
        assert (self.folder / "asked").read_text().split() == ["refresh", "stack"]
        assert removed == ["new"]
        assert self.drained.commands == []


class TestPulumi:
    def test_one_that_hangs_is_interrupted(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        script = tmp_path / "pulumi"
        script.write_text(
            f"#!{shutil.which('bash')}\ntrap 'echo > gone; exit 1' INT\nread -r < pipe\n"
        )
        script.chmod(0o755)
        os.mkfifo(tmp_path / "pipe")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.setattr(backend, "LIMIT_SECONDS", 1.0)
        with pytest.raises(Problem, match="`pulumi refresh` did not end"):
            backend.pulumi("refresh")
        assert (tmp_path / "gone").exists()


class TestPresence:
    def check(self, monkeypatch: pytest.MonkeyPatch, *here: str) -> None:
        class Api:
            def containers(self, **_: object) -> list[dict[str, Any]]:
                return [{"Id": one} for one in here]

            def networks(self) -> list[dict[str, Any]]:
                return []

        there = SimpleNamespace(api=Api(), info=lambda: {"Name": "laptop"})
        monkeypatch.setattr(presence, "client", lambda: nullcontext(there))
        presence.check("prod", DELETING)

    def test_one_of_its_containers_is_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.check(monkeypatch, "replica", "another")

    def test_none_is_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", "tcp://laptop:2375")
        with pytest.raises(Problem, match=r"none of stack prod's 1 .* laptop, at tcp://laptop"):
            self.check(monkeypatch, "another")

    def test_of_a_stack_that_is_not_deployed_nothing_is_asked(self) -> None:
        presence.check("prod", state.EMPTY)

    def test_make_preview_asks_before_it_previews(self) -> None:
        command = ["make", "--dry-run", "preview", "STACK=prod"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        )
        asks, shows = "tools.recover.presence --stack prod", "pulumi preview --stack prod"
        assert 0 < done.stdout.index(asks) < done.stdout.index(shows)
