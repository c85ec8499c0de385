"""The chassis, with routes that the test defines."""

import asyncio
import importlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

import chassis
from chassis.connection import OneWrite
from infra import secret_files
from tests.support.contract import ENVELOPE

ERROR = b'{"Code":5000,"Message":"Internal Server Error"}'


class RecordingTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True


async def plain(request: Request) -> Response:
    return chassis.answer(2000, f"{request.method} of {request.query_params.get('who', 'nobody')}")


async def broken(_request: Request) -> Response:
    raise RuntimeError("the cause")


async def refuses(_request: Request) -> Response:
    raise HTTPException(409, "Sold Out", headers={"Retry-After": "5"})


async def breaks_off(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"some "
        raise HTTPException(409, "the cause")

    return StreamingResponse(parts())


def client(*routes: tuple[str, Callable[..., Awaitable[Response | None]]]) -> TestClient:
    app = chassis.service("probe", routes=[Route(path, handler) for path, handler in routes])
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_answer_is_compact_json_in_the_envelope() -> None:
    answer = client(("/plain", plain)).get('/plain?who="you"')
    assert (answer.status_code, answer.content) == (
        200,
        b'{"Code":2000,"Message":"GET of \\"you\\""}',
    )
    assert {key: answer.headers[key] for key in ENVELOPE} == ENVELOPE


def test_a_plain_route_takes_get_and_head_only() -> None:
    answer = client(("/plain", plain)).post("/plain")
    assert (answer.status_code, answer.content) == (
        405,
        b'{"Code":4050,"Message":"Method Not Allowed"}',
    )
    assert {key: answer.headers[key] for key in ENVELOPE} == ENVELOPE
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND"])
def test_a_handler_of_any_method_sees_every_method(method: str) -> None:
    answer = client(("/any", chassis.any_method(plain))).request(method, "/any")
    assert answer.status_code == 200
    assert answer.content in {b"", f'{{"Code":2000,"Message":"{method} of nobody"}}'.encode()}


def test_an_error_is_told_to_the_log_only(capsys: pytest.CaptureFixture[str]) -> None:
    answer = client(("/broken", broken)).get("/broken")
    assert (answer.status_code, answer.content) == (500, ERROR)
    assert {key: answer.headers[key] for key in ENVELOPE} == ENVELOPE
    (line,) = logged(capsys)
    assert line["status"] == 500
    assert "the cause" in str(line["error"])


def test_a_refusal_is_in_the_envelope_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    answer = client(("/refuses", refuses)).get("/refuses")
    assert (answer.status_code, answer.content) == (409, b'{"Code":4090,"Message":"Sold Out"}')
    assert {key: answer.headers[key] for key in ENVELOPE} == ENVELOPE
    assert answer.headers["retry-after"] == "5"
    (line,) = logged(capsys)
    assert "error" not in line


def test_an_answer_that_breaks_off_is_an_error_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client(("/breaks_off", breaks_off)).get("/breaks_off")
    (line,) = logged(capsys)
    assert line["status"] == 200
    assert "the cause" in str(line["error"])


def test_a_request_is_one_log_line_with_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    one = client()
    one.get("/nothing?secret=1", headers={"X-Request-ID": 'r"1'})
    one.get("/healthz")
    (entry,) = logged(capsys)
    duration = entry.pop("ms")
    assert isinstance(duration, float)
    assert duration >= 0
    assert entry == {
        "service": "probe",
        "request_id": 'r"1',
        "method": "GET",
        "path": "/nothing",
        "status": 404,
    }


def test_a_request_meant_for_another_is_refused_and_sent_again_by_nginx() -> None:
    one = client()
    answer = one.get("/nothing", headers={"X-Service": "another"})
    assert answer.status_code == 421
    assert answer.content == b'{"Code":4210,"Message":"Misdirected Request"}'
    assert {key: answer.headers[key] for key in ENVELOPE} == ENVELOPE
    assert answer.headers["x-accel-redirect"] == "@again"
    right = one.get("/nothing", headers={"X-Service": "probe"})
    assert right.status_code == 404
    assert "x-accel-redirect" not in right.headers


def test_health_is_told_whatever_service_is_named() -> None:
    assert client().get("/healthz", headers={"X-Service": "another"}).status_code == 200


def test_a_trace_is_told_to_who_asks_for_it() -> None:
    one = client()
    asked = {"X-Trace": "1", "X-Service": "probe", "X-Real-IP": "192.0.2.7", "Cookie": "secret"}
    answer = one.get("/healthz", headers=asked)
    seen = json.loads(answer.headers["x-trace"])
    assert seen["path"] == "/healthz"
    assert seen["instance"] == socket.gethostname()
    assert seen["headers"] == {"host": "testserver", "x-real-ip": "192.0.2.7", "x-service": "probe"}
    plain = one.get("/healthz")
    assert answer.content == plain.content
    assert "x-trace" not in plain.headers
    assert "x-trace" in one.get("/nothing", headers=asked).headers


class TestAWebSocket:
    @staticmethod
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.receive_text()

    @staticmethod
    async def fails(websocket: WebSocket) -> None:
        await websocket.accept()
        raise RuntimeError("the cause")

    @staticmethod
    async def refuses(_websocket: WebSocket) -> None:
        raise HTTPException(409, "Sold Out")

    @pytest.fixture
    def one(self) -> TestClient:
        routes = [
            WebSocketRoute("/echo", self.echo),
            WebSocketRoute("/fails", self.fails),
            WebSocketRoute("/refuses", self.refuses),
        ]
        return TestClient(chassis.service("probe", routes))

    def test_is_one_log_line_at_its_end(
        self, one: TestClient, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with one.websocket_connect("/echo?secret=1", headers={"X-Request-ID": "r1"}) as websocket:
            websocket.send_text("hello")
            assert websocket.receive_text() == "hello"
            assert logged(capsys) == []
        (line,) = logged(capsys)
        del line["ms"]
        assert line == {
            "service": "probe",
            "request_id": "r1",
            "method": "GET",
            "path": "/echo",
            "status": 101,
        }

    @pytest.mark.parametrize(
        ("path", "of", "code", "message"),
        [
            ("/echo", "another", 4210, "Misdirected Request"),
            ("/nothing", "probe", 4040, "Not Found"),
            ("/refuses", "probe", 4090, "Sold Out"),
        ],
    )
    def test_is_refused_as_any_request(
        self, one: TestClient, path: str, of: str, code: int, message: str
    ) -> None:
        with (
            pytest.raises(WebSocketDenialResponse) as refused,
            one.websocket_connect(path, headers={"X-Service": of}),
        ):
            pass
        assert refused.value.status_code == code // 10
        assert refused.value.json() == {"Code": code, "Message": message}
        again = refused.value.headers.get("x-accel-redirect")
        assert again == ("@again" if of == "another" else None)

    def test_that_fails_is_closed_with_1011_and_told_to_the_log(
        self, one: TestClient, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with one.websocket_connect("/fails") as websocket:
            with pytest.raises(WebSocketDisconnect) as closed:
                websocket.receive_text()
            assert closed.value.code == 1011
        (line,) = logged(capsys)
        assert "the cause" in str(line["error"])


def test_a_service_may_have_a_lifespan() -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        seen.append("begun")
        yield
        seen.append("ended")

    with TestClient(chassis.service("probe", routes=[], lifespan=lifespan)) as one:
        assert one.get("/healthz").status_code == 200
        assert seen == ["begun"]
    assert seen == ["begun", "ended"]


def test_an_answer_is_one_packet() -> None:
    transport = RecordingTransport()

    async def answer() -> None:
        one = OneWrite(transport)
        one.write(b"head ")
        one.write(b"body")
        await asyncio.sleep(0)
        one.write(b"last")
        one.close()
        one.write(b"too late")
        await asyncio.sleep(0)

    # asyncio.run() would close this thread's event loop, which Pulumi's mocks still need.
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(answer())
    assert transport.written == [b"head body", b"last"]


def test_a_secret_is_read_where_the_stack_mounts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = importlib.import_module("chassis.secret")
    assert str(module.FOLDER) == secret_files.FOLDER
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "TOKEN").write_text("a value\n")
    assert module.secret("TOKEN") == "a value\n"
    with pytest.raises(LookupError, match="'OTHER'"):
        module.secret("OTHER")
