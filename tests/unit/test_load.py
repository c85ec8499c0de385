"""The load clients: which answers they count as lost, and which errors are their own."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from tests.support.load import Lateness, Report, Request, _Recorder, idle_clients, load
from tests.support.polling import wait_until

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = Request(path="/", bodies=(b"ok",))
POST = Request(path="/", bodies=(b"ok",), method="POST")
Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """An address at which every connection is handed to `serve`, and closed after it."""
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=handle, args=(one,)))
            threads[-1].start()

    def handle(one: socket.socket) -> None:
        with one:
            serve(one)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    for thread in (accepting, *threads):
        thread.join()


def always(one: socket.socket) -> None:
    while one.recv(65536):
        one.sendall(GOOD)


def once(one: socket.socket) -> None:
    """Answer and close: the client has the end long before it asks again."""
    one.recv(65536)
    one.sendall(GOOD)


def second_is_read_and_not_answered(one: socket.socket) -> None:
    one.recv(65536)
    one.sendall(GOOD)
    one.recv(65536)


def wrong(one: socket.socket) -> None:
    while one.recv(65536):
        one.sendall(GOOD.replace(b"ok", b"no"))


@pytest.mark.parametrize("request_", [REQUEST, POST])
def test_a_connection_is_kept_and_used_again_after_the_pause(request_: Request) -> None:
    with server(always) as url, idle_clients(url, [request_], pause=0.05, count=4) as report:
        wait_until(lambda: report.sent > 20, "they go on")
    assert report.losses == []
    assert report.reopened == 0
    assert len(report.times) == report.sent


def test_a_connection_that_ended_in_the_pause_is_opened_anew() -> None:
    with server(once) as url, idle_clients(url, [REQUEST], pause=0.05, count=2) as report:
        wait_until(lambda: report.sent > 6, "they go on")
    assert report.losses == []
    assert report.reopened >= report.sent - 4


def test_a_connection_that_ends_after_the_request_is_a_loss() -> None:
    with (
        server(second_is_read_and_not_answered) as url,
        idle_clients(url, [POST], pause=0.05, count=1) as report,
    ):
        wait_until(lambda: report.lost > 0, "one is lost")
    assert report.losses[0] == "POST /: EOFError: closed before an answer"


def test_another_answer_is_a_loss() -> None:
    with server(wrong) as url, load(url, [REQUEST], rate=100) as report:
        wait_until(lambda: report.lost > 5, "some are lost")
    assert set(report.losses) == {"GET /: 200 b'no'"}
    assert report.own == []


def test_an_outage_up_to_the_end_is_a_gap() -> None:
    with load("http://127.0.0.1:9", [REQUEST], rate=20) as report:
        until = time.monotonic() + 1
        wait_until(lambda: time.monotonic() > until, "the outage goes on")
    assert report.lost == report.sent > 0
    assert report.longest_gap > 0.1


class Starved:
    """An exchange in whose middle the client's own thread stands still."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def ask(self, _: Request) -> tuple[int, bytes]:
        time.sleep(self.seconds)  # noqa: ASYNC251  on purpose: it must block the event loop
        raise EOFError("closed before an answer")


@pytest.mark.parametrize("starved", [True, False])
def test_a_loss_of_a_client_that_could_not_run_is_its_own(
    monkeypatch: pytest.MonkeyPatch, *, starved: bool
) -> None:
    monkeypatch.setattr("tests.support.load.HEADER_SECONDS", 0.2)
    report, late = Report(), Lateness()

    async def run() -> None:
        watching = asyncio.create_task(late.watch())
        recorder = _Recorder(report, late)
        await asyncio.sleep(0)
        await recorder.ask(Starved(0.4 if starved else 0), REQUEST)  # type: ignore[arg-type]
        recorder.end()
        watching.cancel()

    # asyncio.run() would close this thread's event loop, which Pulumi's mocks still need.
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(run())
    assert (len(report.own), report.lost) == ((1, 0) if starved else (0, 1))
    assert report.longest_gap < 0.2
    assert not starved or report.lateness > 0.2
