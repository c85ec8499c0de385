"""Decisions of the recovery without an engine: stale locks, copies of the state, leftovers."""

import gzip
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests.support.polling import wait_until
from tools.recover import backend, locks, plugins, state, untouched
from tools.recover.__main__ import Interrupted
from tools.recover.backend import Stack
from tools.recover.leftovers import Leftover
from tools.setup.errors import Problem

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GONE = 2**22 + 1  # higher than any process ID
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Runs a copy of a program under another name."""
    running: list[subprocess.Popen[bytes]] = []

    def run(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        program = tmp_path_factory.mktemp("programs") / name
        shutil.copy2(shutil.which("bash") or "", program)
        wait = ("--norc", "-c", "read -r line <&0", *arguments)
        running.append(subprocess.Popen([program, *wait], stdin=subprocess.PIPE, cwd=tmp_path))
        wait_until(lambda: psutil.Process(running[-1].pid).name() == name, f"{name} runs")
        return running[-1]

    yield run
    for one in running:
        one.kill()
        one.communicate()


def lock(folder: Path, pid: int, host: str = "") -> Path:
    file = folder / "one.json"
    owner = {"pid": pid, "username": "ann", "hostname": host or socket.gethostname()}
    file.write_text(json.dumps({**owner, "timestamp": "2026-11-24T07:26:51.10398506Z"}))
    (folder / "one.json.attrs").write_text("{}")
    return file


class TestLocks:
    def test_the_owner_is_gone(self, tmp_path: Path) -> None:
        lock(tmp_path, GONE)
        (found,) = locks.stale(tmp_path, "dev")
        assert str(found).endswith(f"pid {GONE}, since 2026-11-24 07:26:51 UTC")
        locks.remove([found])
        assert list(tmp_path.iterdir()) == []

    def test_the_number_is_anothers_now(self, tmp_path: Path, start: Start) -> None:
        lock(tmp_path, start("sleeper").pid)
        assert len(locks.stale(tmp_path, "dev")) == 1

    def test_the_owner_lives(self, tmp_path: Path, start: Start) -> None:
        owner = start("pulumi")
        lock(tmp_path, owner.pid)
        with pytest.raises(Problem, match=rf"dev is in use \(ann@[\s\S]*kill -INT {owner.pid}"):
            locks.stale(tmp_path, "dev")

    def test_an_owner_that_has_ended_but_was_not_waited_for(
        self, tmp_path: Path, start: Start
    ) -> None:
        owner = start("pulumi")
        lock(tmp_path, owner.pid)
        owner.kill()
        ended = psutil.Process(owner.pid)
        wait_until(lambda: ended.status() == psutil.STATUS_ZOMBIE, "it has ended")
        assert len(locks.stale(tmp_path, "dev")) == 1

    def test_an_owner_that_this_user_may_not_look_at(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def deny(_: object) -> None:
            raise psutil.AccessDenied

        monkeypatch.setattr(psutil.Process, "name", deny)
        lock(tmp_path, os.getpid())
        with pytest.raises(Problem, match="dev is in use"):
            locks.stale(tmp_path, "dev")

    def test_the_owner_is_on_another_machine(self, tmp_path: Path) -> None:
        file = lock(tmp_path, GONE, "elsewhere")
        with pytest.raises(Problem, match="pulumi cancel --yes --stack dev"):
            locks.stale(tmp_path, "dev")
        assert file.exists()

    @pytest.mark.parametrize("name", ["one.json", "one.json.18eaeb.tmp"])
    def test_torn_by_a_power_off_or_a_full_disk(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("")
        assert [one.pid for one in locks.stale(tmp_path, "dev")] == [0]

    def test_none(self, tmp_path: Path) -> None:
        assert locks.stale(tmp_path / "none", "dev") == []


def content(saved: datetime, *ids: str) -> str:
    resources = [{"urn": f"urn:{one}", "id": one} for one in ids]
    latest = {"manifest": {"time": saved.isoformat()}, "resources": resources}
    return json.dumps({"version": 3, "checkpoint": {"stack": "dev", "latest": latest}})


class TestState:
    @pytest.mark.parametrize("text", ["", "{", "null", "{}", "[]", '{"checkpoint": {}}', "\0" * 9])
    def test_unreadable(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "dev.json"
        file.write_text(text)
        with pytest.raises(ValueError, match=r"dev\.json cannot be read"):
            state.read(file)

    def test_never_deployed(self) -> None:
        assert state.parse('{"checkpoint": {"stack": "dev", "latest": null}}') == state.EMPTY

    def test_exported(self) -> None:
        latest = json.loads(content(NOW, "a"))["checkpoint"]["latest"]
        assert state.parse(json.dumps({"deployment": latest})).ids == {"a", "None"}

    def test_copies_that_can_be_read_newest_first(self, tmp_path: Path) -> None:
        stack = Stack(name="dev", project="p", root=tmp_path)
        assert stack.states
        assert stack.backups
        for place in (stack.states, stack.backups):
            place.mkdir(parents=True)
        older = [NOW - timedelta(minutes=n) for n in range(3)]
        (stack.states / "dev.json.bak").write_text(content(older[1]))
        (stack.states / "dev.json.bak.attrs").write_text("{}")
        (stack.states / "dev.json").write_text(content(NOW))
        (stack.backups / "dev.1.json.gz").write_bytes(gzip.compress(content(older[0]).encode()))
        (stack.backups / "dev.2.json").write_text(content(older[2]))
        (stack.backups / "dev.3.json").write_text("{")
        assert [copied.saved for _, copied in state.copies(stack)] == older


class TestWhoseStray:
    leftover = Leftover(kind="container", id="c", names=("router_one",), created=NOW)

    @pytest.mark.parametrize(
        "interrupted",
        [
            Interrupted(since=NOW - timedelta(seconds=1)),
            Interrupted(names={"router_one"}),
            Interrupted(ids={"c"}),
            Interrupted(everything=True),
        ],
        ids=["made since", "was being made", "was in the state", "asked for"],
    )
    def test_left_by_the_killed_run(self, interrupted: Interrupted) -> None:
        assert interrupted.owns(self.leftover)

    @pytest.mark.parametrize(
        "interrupted",
        [Interrupted(), Interrupted(since=NOW + timedelta(seconds=2), names={"router_two"})],
        ids=["nothing was killed", "made before"],
    )
    def test_deployed_from_another_backend(self, interrupted: Interrupted) -> None:
        assert not interrupted.owns(self.leftover)


class TestWhichVolume:
    volume = Leftover(kind="volume", id="one-data", names=("one-data",), created=NOW)

    def test_one_with_data_stays_even_when_everything_is_to_go(self) -> None:
        everything = Interrupted(everything=True, names={"one-data"}, ids={"one-data"})
        assert not everything.owns(self.volume)

    def test_the_site_is_filled_again(self) -> None:
        kind = "urn:pulumi:dev::microservices::a:b:Gateway$docker:index/volume:Volume"
        made = {"urn": f"{kind}::site", "id": "one-site", "inputs": {"name": "one-site"}}
        data = {"urn": f"{kind}::website", "id": "one-data", "inputs": {"name": "one-data"}}
        known = state.State(
            resources=[data], pending=[{"type": "creating", "resource": made}], saved=NOW
        )
        assert known.site == {"one-site"}
        site = Leftover(kind="volume", id="one-site", names=("one-site",), created=NOW)
        assert Interrupted(everything=True, site=known.site).owns(site)
        assert not Interrupted(everything=True, site=known.site).owns(self.volume)


class TestPlugins:
    def test_of_a_pulumi_that_is_gone(self, tmp_path: Path, start: Start) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            gone = server.getsockname()[1]
        plugin = start("pulumi-resource-docker", f"127.0.0.1:{gone}")
        assert plugins.end_orphans(tmp_path / "another") == 0
        assert plugins.end_orphans(tmp_path) == 1
        plugin.wait(10)

    def test_of_a_pulumi_that_lives(self, tmp_path: Path, start: Start) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            plugin = start("pulumi-resource-docker", f"127.0.0.1:{server.getsockname()[1]}")
            assert plugins.end_orphans(tmp_path) == 0
            assert plugin.poll() is None

    def test_beside_a_process_whose_arguments_are_not_utf_8(self, tmp_path: Path) -> None:
        command = [b"/bin/sh", b"-c", b"read -r _", b"\xff"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as other:
            seen = psutil.Process(other.pid)
            wait_until(lambda: os.fsdecode(b"\xff") in seen.cmdline(), "it is there")
            assert plugins.end_orphans(tmp_path) == 0
            other.communicate(b"\n")


def test_what_was_noted_holds_once_and_not_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\nbackend:\n  url: file:///nowhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(untouched, "_digest", lambda _: "the same")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stack = untouched.Untouched("dev")
    stack.note()
    assert stack.holds()
    assert not stack.holds()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "Pulumi.yaml"))  # no folder
    stack = untouched.Untouched("dev")
    assert not stack.holds()
    with pytest.raises(NotADirectoryError):
        stack.note()


class TestTheBackend:
    """Its URL is that of the environment, of the project, or what `pulumi login` has chosen."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        pulumi = tmp_path / "pulumi"
        pulumi.write_text('#!/bin/sh\necho \'{"url": "file:///logged-in"}\'\n')
        pulumi.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("project", "root"),
        [
            ("name: x\n", "/logged-in"),
            ("name: x\nbackend:\n  url: file:///own\n", "/own"),
            ('name: x\nbackend:\n  url: "file://~"\nconfig:\n  url: no\n', str(Path.home())),
            ("name: x\nbackend:\n  url: s3://bucket\n", None),
        ],
    )
    def test_without_one_in_the_environment(self, project: str, root: str | None) -> None:
        Path("Pulumi.yaml").write_text(project)
        assert backend.find("a/b/dev").root == (root and Path(root, ".pulumi"))

    def test_that_of_the_environment_goes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("Pulumi.yaml").write_text("name: x\nbackend:\n  url: file:///own\n")
        monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///shared")
        assert backend.find("dev").root == Path("/shared/.pulumi")
