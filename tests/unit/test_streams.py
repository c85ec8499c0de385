"""WebSockets and event streams of a service, and how they end when it stops."""

import http.client
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.contract import ask
from tests.support.polling import wait_until
from tests.support.processes import free_ports, running
from tests.support.served import answers, environment
from tests.support.stream_clients import (
    SECONDS,
    closed_with,
    documented,
    event,
    event_stream,
    websocket,
)

MORE = """

async def nothing() -> AsyncIterator[str]:
    try:
        yield "data: first\\n\\n"
        await asyncio.Event().wait()
    finally:
        print("ended", flush=True)


async def silent(_request: Request) -> Response:
    return chassis.event_stream(nothing())


async def push(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text("more")
        await asyncio.sleep(0.05)


async def broken(_request: Request) -> Response:
    async def events() -> AsyncIterator[str]:
        yield "data: first\\n\\n"
        raise RuntimeError("the cause")

    return chassis.event_stream(events())


app = chassis.service(
    "chat",
    routes=[
        Route("/clock", clock),
        Route("/silent", silent),
        Route("/broken", broken),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/push", push),
    ],
)
"""


ANSWERED = re.compile(r'^INFO: |"ms": [0-9.]+}$|^ended$')  # what is said in any case


class Chat:
    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.log = process, log
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> str:
        """Wait until it has ended; return what it complained of."""
        assert self.process.wait(timeout=20) in {0, -signal.SIGTERM}
        lines = self.log.read_text().splitlines()
        return "\n".join(line for line in lines if not ANSWERED.search(line))


@contextmanager
def chat(folder: Path, **more: str) -> Iterator[Chat]:
    (folder / "app.py").write_text(documented() + MORE)
    (port,) = free_ports(1)
    log = folder / "log"
    with (
        log.open("w") as output,
        running(
            [sys.executable, "-m", "chassis"],
            cwd=folder,
            env=environment(port, PING_SECONDS="0.3", **more),
            stderr=subprocess.STDOUT,
            stdout=output,
        ) as process,
    ):
        wait_until(lambda: answers(port), "the service answers")
        yield Chat(process, port, log)


def test_streams_end_at_once_and_as_clients_understand_it(tmp_path: Path) -> None:
    """Also a WebSocket whose service only sends, and an event stream that is silent."""
    with (
        chat(tmp_path) as one,
        websocket(f"{one.url}/echo") as echo,
        websocket(f"{one.url}/push") as push,
        event_stream(f"{one.url}/clock") as clock,
        event_stream(f"{one.url}/silent") as silent,
    ):
        echo.send("hello")
        assert echo.recv() == "hello"
        assert push.recv() == "more"
        assert event(clock) == "id: 0\ndata: tick 0\n"
        told = time.monotonic()
        one.stop()
        assert (closed_with(echo), closed_with(push)) == (1001, 1001)
        assert b"id: 5" not in clock.read()
        assert set(silent.read().splitlines()) <= {b"data: first", b"", b":"}
        assert one.ended() == ""
        assert time.monotonic() - told < 5


def test_a_silent_stream_sends_a_sign_of_life(tmp_path: Path) -> None:
    with chat(tmp_path) as one, event_stream(f"{one.url}/silent") as silent:
        assert [event(silent) for _ in range(3)] == ["data: first\n", ":\n", ":\n"]


def test_an_iterator_ends_when_its_client_leaves(tmp_path: Path) -> None:
    with chat(tmp_path) as one:
        with event_stream(f"{one.url}/silent") as silent:
            assert event(silent) == "data: first\n"
            assert "ended" not in one.log.read_text()
        wait_until(lambda: "ended" in one.log.read_text(), "the iterator ends")


def goes_on(one: Chat, echo: ClientConnection) -> None:
    began = time.monotonic()
    while time.monotonic() - began < 2:
        echo.send("still there")
        assert echo.recv() == "still there"
        assert ask(f"{one.url}/healthz")[0] == 200


def test_where_no_gateway_has_waited_streams_go_on_for_a_while(tmp_path: Path) -> None:
    with chat(tmp_path, STREAM_SECONDS="3") as one, websocket(f"{one.url}/echo") as echo:
        told = time.monotonic()
        one.stop()
        goes_on(one, echo)
        assert closed_with(echo) == 1001
        assert time.monotonic() - told >= 3
        assert one.ended() == ""


def test_it_waits_no_longer_than_for_the_last_stream(tmp_path: Path) -> None:
    with chat(tmp_path, STREAM_SECONDS="60") as one:
        with websocket(f"{one.url}/echo") as echo:
            one.stop()
            goes_on(one, echo)
        assert one.ended() == ""


def test_a_client_that_does_not_answer_a_close_holds_up_nothing(tmp_path: Path) -> None:
    with chat(tmp_path) as one, websocket(f"{one.url}/echo") as echo:
        echo.protocol.receive_data = lambda _: None  # type: ignore[method-assign, assignment]
        one.stop()
        assert one.ended() == ""


def test_a_head_of_an_event_stream_keeps_the_connection_usable(tmp_path: Path) -> None:
    with chat(tmp_path) as one:
        connection = http.client.HTTPConnection(one.url.removeprefix("http://"), timeout=SECONDS)
        for method, path in (("HEAD", "/clock"), ("GET", "/healthz")):
            connection.request(method, path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        connection.close()


def test_an_event_stream_that_fails_breaks_off(tmp_path: Path) -> None:
    with chat(tmp_path) as one, event_stream(f"{one.url}/broken") as broken:
        assert event(broken) == "data: first\n"
        with pytest.raises(http.client.IncompleteRead):
            broken.read()


def test_a_message_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with chat(tmp_path) as one, websocket(f"{one.url}/echo") as echo:
        echo.send("x" * 64 * 1024)
        assert len(echo.recv()) == 64 * 1024
        echo.send("x" * (64 * 1024 + 1))
        with pytest.raises(ConnectionClosed):
            echo.recv()
        assert echo.close_code == 1009
