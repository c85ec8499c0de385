"""Each service held to the contract, in process."""

import asyncio
import importlib.util
import json
import socket
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from starlette.testclient import TestClient

from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]
NOT_FOUND = b'{"Code":4040,"Message":"Not Found"}'
HEADERS = {
    "content-type": "application/json",
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "Content-Type",
}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "services" / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def client(name: str) -> TestClient:
    return TestClient(load(name).app, raise_server_exceptions=False, follow_redirects=False)


def body(method: str, content: bytes) -> bytes:
    return b"" if method == "HEAD" else content


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


@pytest.mark.parametrize("method", METHODS)
def test_say_hello(method: str) -> None:
    answer = client("microservice1").request(method, "/say_hello?a=b")
    expected = (
        b'{"Code":2000,"Message":"Hello Microservice1"}'
        if method == "GET"
        else b'{"Code":4000,"Message":"Only Allow GET Method!"}'
    )
    assert answer.status_code == 200
    # The in-process client keeps a HEAD answer's body, which a server leaves out.
    assert answer.content in {expected, body(method, expected)}


@pytest.mark.parametrize("method", METHODS)
def test_who_am_i_answers_any_method(method: str) -> None:
    expected = b'{"Code":2000,"Message":"I am yizhigopher!"}'
    answer = client("microservice2").request(method, "/who_am_i")
    assert answer.status_code == 200
    assert answer.content in {expected, body(method, expected)}


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
class TestEveryService:
    def test_health(self, name: str) -> None:
        answer = client(name).get("/healthz")
        assert (answer.status_code, answer.content) == (200, b'{"Code":2000,"Message":"ok"}')

    @pytest.mark.parametrize(
        "path", ["/", "/nothing", "/say_hello/", "/who_am_i/", "/healthz/", "/say_hello%0A"]
    )
    def test_any_other_path_is_not_found(self, name: str, path: str) -> None:
        answer = client(name).get(path)
        assert (answer.status_code, answer.content) == (404, NOT_FOUND)

    @pytest.mark.parametrize("path", ["/healthz", "/nothing"])
    def test_headers(self, name: str, path: str) -> None:
        answer = client(name).get(path)
        assert {key: answer.headers[key] for key in HEADERS} == HEADERS

    def test_an_error_is_told_to_the_log_only(
        self, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        module = load(name)

        async def broken(*_: object) -> None:
            raise RuntimeError("the cause")

        module.service.add_route("/broken", broken)
        answer = TestClient(module.app, raise_server_exceptions=False).get("/broken")
        assert answer.status_code == 500
        assert answer.content == b'{"Code":5000,"Message":"Internal Server Error"}'
        assert {key: answer.headers[key] for key in HEADERS} == HEADERS
        assert "the cause" in json.loads(capsys.readouterr().out)["error"]

    def test_a_request_is_one_log_line_with_its_id(
        self, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        one = client(name)
        one.get("/nothing?secret=1", headers={"X-Request-ID": "r1"})
        one.get("/healthz")
        (line,) = capsys.readouterr().out.splitlines()
        entry = json.loads(line)
        assert entry.pop("ms") >= 0
        assert entry == {
            "service": name,
            "request_id": "r1",
            "method": "GET",
            "path": "/nothing",
            "status": 404,
        }

    def test_an_answer_is_one_packet(self, name: str) -> None:
        transport = RecordingTransport()

        async def answer() -> None:
            one = load(name).OneWrite(transport)
            one.write(b"head ")
            one.write(b"body")
            await asyncio.sleep(0)
            one.write(b"last")
            one.close()
            one.write(b"too late")
            await asyncio.sleep(0)

        # asyncio.run() would take this thread's loop away, which Pulumi's mocks go on with.
        with closing(asyncio.new_event_loop()) as loop:
            loop.run_until_complete(answer())
        assert transport.written == [b"head body", b"last"]

    def test_a_request_meant_for_another_is_refused(self, name: str) -> None:
        answer = client(name).get("/healthz2", headers={"X-Service": "another"})
        assert answer.status_code == 421
        assert answer.content == b'{"Code":4210,"Message":"Misdirected Request"}'
        assert client(name).get("/nothing", headers={"X-Service": name}).status_code == 404

    def test_a_trace_is_told_to_who_asks_for_it(self, name: str) -> None:
        one = client(name)
        asked = {"X-Trace": "1", "X-Service": name, "X-Real-IP": "192.0.2.7", "Cookie": "secret"}
        answer = one.get("/healthz", headers=asked)
        seen = json.loads(answer.headers["x-trace"])
        assert seen["path"] == "/healthz"
        assert seen["instance"] == socket.gethostname()
        assert seen["headers"] == {
            "host": "testserver",
            "x-real-ip": "192.0.2.7",
            "x-service": name,
        }
        plain = one.get("/healthz")
        assert answer.content == plain.content
        assert "x-trace" not in plain.headers
