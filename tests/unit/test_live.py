"""In development an edited service is served at once, and a broken one never."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.contract import HELLO, ask
from tests.support.polling import wait_until
from tests.support.processes import free_ports, run, running
from tests.support.served import answers
from tests.support.stream_clients import documented, event, event_stream

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "chassis", "--live"]
EDITED = HELLO.replace(b"Hello", b"Good day")


@dataclass
class Live:
    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def answer(self) -> bytes:
        return ask(f"http://127.0.0.1:{self.port}/say_hello")[2]

    def edit(self, old: str, new: str, file: str = "app/app.py") -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def wait_said(self, what: str) -> None:
        wait_until(lambda: what in self.log.read_text(), what)

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def environment(port: int, packages: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "PYTHONPATH": str(packages),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    shutil.copytree(ROOT / "services" / "chassis", tmp_path / "chassis")
    shutil.copytree(ROOT / "services" / "microservice1", tmp_path / "app")
    (port,) = free_ports(1)
    log = tmp_path / "log"
    with (
        log.open("w") as stderr,
        running(
            COMMAND,
            cwd=tmp_path / "app",
            env=environment(port, tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        ) as process,
    ):
        one = Live(tmp_path, port, process, log)
        wait_until(one.listens, "it listens")
        yield one
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.parametrize(
    ("file", "old", "new", "edited"),
    [
        ("app/app.py", "Hello Micro", "Good day Micro", EDITED),
        (
            "chassis/envelope.py",
            '"Code": code',
            '"Code": code + 1',
            HELLO.replace(b"2000", b"2001"),
        ),
    ],
    ids=["service", "chassis"],
)
def test_an_edit_is_served_and_no_request_is_lost(
    live: Live, file: str, old: str, new: str, edited: bytes
) -> None:
    assert live.answer() == HELLO
    live.edit(old, new, file)
    answers = [HELLO]

    def served() -> bool:
        answers.append(live.answer())  # raises if one is lost
        return answers[-1] == edited

    wait_until(served, "the edit is served")
    assert set(answers) == {HELLO, edited}
    live.wait_said("the edited service is running")
    live.edit(new, old, file)
    wait_until(lambda: live.answer() == HELLO, "the next edit is served")


@pytest.mark.parametrize(
    "broken", ["app = chassis((", "app = chassis := raise", "import not_there\napp = chassis"]
)
def test_a_broken_edit_is_shown_and_the_last_good_one_goes_on(live: Live, broken: str) -> None:
    assert live.answer() == HELLO
    live.edit("app = chassis", broken)
    live.wait_said("fails to start; the last good version keeps running")
    assert "Error" in live.log.read_text()
    assert live.answer() == HELLO
    live.edit(broken, "app = chassis")
    live.edit("Hello Micro", "Good day Micro")
    wait_until(lambda: live.answer() == EDITED, "the mended one is served")


def test_an_edit_closes_a_stream_and_the_next_one_is_of_the_new_version(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(documented())
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/clock"
    with running(COMMAND, cwd=tmp_path, env=environment(port, ROOT / "services")):
        wait_until(lambda: answers(port), "the service answers")
        with event_stream(url) as clock:
            assert event(clock) == "id: 0\ndata: tick 0\n"
            (tmp_path / "app.py").write_text(documented().replace("data: tick", "data: tock"))
            assert b"tock" not in clock.read()
        with event_stream(url) as clock:
            assert event(clock) == "id: 0\ndata: tock 0\n"


def test_it_stops_when_told_to(live: Live) -> None:
    live.answer()
    live.process.send_signal(signal.SIGTERM)
    assert live.process.wait(timeout=20) == 0
    assert not live.listens()


def test_it_ends_with_its_application(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('no coffee')\n")
    (port,) = free_ports(1)
    done = run(COMMAND, seconds=60, cwd=tmp_path, env=environment(port, ROOT / "services"))
    assert (done.returncode, done.stderr) == (1, "no coffee\n")
