"""WebSockets and event streams through the gateway, with a service on the chassis."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from docker.models.containers import Container
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from infra import labels, rollout, timeouts
from tests.support import base
from tests.support.contract import ask
from tests.support.deployment import ROOT
from tests.support.gateway import ONE, TWO, Gateway
from tests.support.polling import wait_until
from tests.support.stream_clients import closed_with, documented, event, event_stream, websocket
from topology import Service

CHAT = replace(ONE, name="chat", timeout=4, streams=1)
FIRST, SECOND = CHAT.container, f"{CHAT.container}_2"
OWN = replace(TWO, streams=1)
STOP_SECONDS = timeouts.stop(CHAT.timeout)
STREAMS = [{"label": labels.STREAMS, "value": str(CHAT.streams)}]
SLOW = """

async def slow(_request: Request) -> Response:
    await asyncio.sleep(3)
    return chassis.answer(2000, "ok")


app = chassis.service(
    "{}",
    routes=[
        Route("/clock", clock),
        Route("/slow", slow, methods=["POST"]),
        WebSocketRoute("/echo", echo),
    ],
)
"""


class Streams(Gateway):
    """The service that the docs show, with two replicas, and one that is not on the chassis."""

    replicas: ClassVar = {CHAT: (FIRST, SECOND), OWN: (OWN.container,)}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        self.version = folder / "version"
        self.version.write_text("first\n")
        arguments = {"BASE_IMAGE": base.python(), "SERVICE": TWO.name}
        self.chat, _ = self.engine.images.build(
            path=str(ROOT / "services"), buildargs=arguments, tag=f"{self.name}-chat", forcerm=True
        )

    def add_replica(
        self,
        name: str,
        service: Service,
        address: int,
        *,
        takes: str = "",
        **more: Any,  # noqa: ANN401  what only the others have
    ) -> None:
        if service is OWN:
            super().add_replica(name, service, address, **more)
            return
        folder = self.folder / f"{name}-{takes}"
        folder.mkdir()
        (folder / "app.py").write_text(documented() + SLOW.format(takes or service.name))
        self.containers[name] = self._run(
            name,
            f"{self.name}-chat",
            address,
            {"/app": folder},
            environment={
                "GRACEFUL_SECONDS": str(timeouts.graceful(service.timeout)),
                "PING_SECONDS": str(timeouts.ping(service.timeout)),
            },
        )

    def _run(
        self,
        name: str,
        image: str,
        address: int,
        folders: dict[str, Path],
        **more: Any,  # noqa: ANN401  as the client's own
    ) -> Container:
        version = {"/content/version": self.version} if name == "frontend" else {}
        return super()._run(name, image, address, {**folders, **version}, **more)

    def at(self, path: str) -> str:
        return f"{self.url}{CHAT.prefix}{path}"

    def reload(self, version: str) -> None:
        """Let nginx use what is in `content`, and wait until all its workers do."""
        self.version.write_text(f"{version}\n")
        wait_until(lambda: self.does("version") == (0, version), "a reload")

    def serves(self) -> bool:
        try:
            return self.ask(CHAT, "/healthz")[0] == self.ask(OWN, "/echo")[0] == 200
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.chat.remove(force=True)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    with Streams(tmp_path_factory.mktemp("streams")) as one:
        yield one


def is_open(one: ClientConnection) -> bool:
    try:
        one.send("hello")
        return one.recv() == "hello"
    except ConnectionClosed:
        return False


def test_a_websocket_stays_open_through_a_silence_and_a_reload(gateway: Streams) -> None:
    """The gateway tells its version meanwhile, although old workers still serve the stream."""
    with websocket(gateway.at("echo")) as echo, event_stream(gateway.at("clock")) as clock:
        assert is_open(echo)
        with pytest.raises(TimeoutError):
            echo.recv(timeout=CHAT.timeout + 1)
        gateway.reload("second")
        assert is_open(echo)
        assert event(clock) == "id: 0\ndata: tick 0\n"
        assert event(clock) == "id: 1\ndata: tick 1\n"


def test_the_first_event_arrives_before_the_next_is_sent(gateway: Streams) -> None:
    with event_stream(gateway.at("clock")) as clock:
        assert clock.read1() == b"id: 0\ndata: tick 0\n\n"


def test_an_answer_without_a_known_end_is_passed_on_as_it_comes(gateway: Streams) -> None:
    path = f"/begin/{OWN.timeout - 1}"
    with event_stream(gateway.url + OWN.prefix.removesuffix("/") + path) as answer:
        assert answer.read1() == b"the beginning"
        assert f"end of {path}" not in gateway.asked(OWN.container)
        assert answer.read() == b""


def test_streams_leave_some_requests_for_the_others(gateway: Streams) -> None:
    conf = gateway.content / "nginx.conf"
    text = conf.read_text()
    assert "limit_conn streams 2000;" in text
    conf.write_text(text.replace("limit_conn streams 2000;", "limit_conn streams 2;"))
    gateway.reload("limited")
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(websocket(gateway.at("echo")))
        assert gateway.ask(CHAT, "/healthz")[0] == 429
        assert ask(f"{gateway.url}/")[0] == 200
    conf.write_text(text)
    gateway.reload("as before")


def test_a_drained_replica_ends_its_streams_and_loses_no_request(gateway: Streams) -> None:
    """Within the row's time. Streams of the other replica, which has all new ones, go on."""
    with ExitStack() as stack, ThreadPoolExecutor(6) as pool:
        echoes = [stack.enter_context(websocket(gateway.at("echo"))) for _ in range(4)]
        clocks = [stack.enter_context(event_stream(gateway.at("clock"))) for _ in range(4)]
        assert all(map(is_open, echoes))
        began = time.monotonic()
        slow = [pool.submit(gateway.ask, CHAT, "/slow", "POST") for _ in range(4)]
        inputs = {"destroyGraceSeconds": STOP_SECONDS, "labels": STREAMS}
        rollout.drain_replica(gateway.prefix, {**inputs, "name": gateway.prefix + FIRST})
        new = stack.enter_context(websocket(gateway.at("echo")))
        stops = pool.submit(gateway.containers[FIRST].stop, timeout=STOP_SECONDS)
        assert {one.result()[0] for one in slow} == {200}
        stops.result()
        assert time.monotonic() - began < CHAT.streams + timeouts.graceful(CHAT.timeout)
        closed = [one for one in echoes if not is_open(one)]
        assert 0 < len(closed) < len(echoes)
        assert {closed_with(one) for one in closed} == {1001}
        assert is_open(new)
        gateway.containers[SECOND].stop(timeout=STOP_SECONDS)
        assert {closed_with(one) for one in (*echoes, new)} == {1001}
        for one in clocks:
            assert one.read().startswith(b"id: 0")
    for name in (FIRST, SECOND):
        gateway.containers[name].start()
    gateway.does("restore", FIRST)
    wait_until(gateway.serves, "it serves again")


def test_a_misdirected_handshake_is_sent_again(gateway: Streams) -> None:
    gateway.does("drain", SECOND)
    wait_until(gateway.serves, "nginx has found the other replica, too")
    gateway.containers[SECOND].remove(force=True)
    gateway.add_replica(SECOND, CHAT, 11, takes="another")
    gateway.does("restore", SECOND)

    def refused_some() -> bool:
        with websocket(gateway.at("echo")) as echo, event_stream(gateway.at("clock")) as clock:
            assert is_open(echo)
            assert clock.read1() == b"id: 0\ndata: tick 0\n\n"
        log = gateway.containers[SECOND].logs().decode()
        return log.count('"path": "/echo", "status": 421') > 1 and '"/clock", "status": 421' in log

    wait_until(refused_some, "the replica of another service is asked, and refuses")
