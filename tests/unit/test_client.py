"""How a service calls another: over real connections, to another side that the test plays."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

import chassis
from chassis import client as chassis_client
from infra import calls
from tests.support.processes import free_ports
from topology import Service

BAD_GATEWAY = b'{"Code":5020,"Message":"Bad Gateway"}'
CALLER = Service(
    name="caller",
    container="caller",
    prefix="/caller/",
    port=8080,
    host_port=1,
    calls=("the-other",),
)


class OtherSide(BaseHTTPRequestHandler):
    """Answers as the path says, with what it received."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind = self.path.split("/")[2]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if kind == "slow":
            time.sleep(0.5)
        headers = {key.lower(): value for key, value in self.headers.items()}
        arrived = {"method": self.command, "path": self.path, "headers": headers}
        content = json.dumps({**arrived, "body": body.decode()}).encode()
        if kind == "garbage":
            content = b"not JSON"
        self.send_response(int(kind) if kind.isdecimal() else 200)
        if kind == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            content = b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
        else:
            self.send_header("Content-Length", str(len(content) + (kind == "cut")))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815  as the base class calls it

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for them

    def handle_error(self, *_: object) -> None:
        """Say nothing: the caller may have given up."""


@pytest.fixture
def _other_side(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = Server(("127.0.0.1", 0), OtherSide)
    for name, value in calls.environment(CALLER).items():
        monkeypatch.setenv(name, value.replace("frontend:8000", f"127.0.0.1:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def asked(path: str, **more: Any) -> tuple[int, bytes]:  # noqa: ANN401  as ask has it
    async def call(request: Request) -> Response:
        return chassis.answer(
            2000, json.dumps(await chassis.ask(request, "the-other", path, **more))
        )

    app = chassis.service("caller", routes=[Route("/call", call)])
    with TestClient(app, raise_server_exceptions=False) as one:
        answer = one.get("/call", headers={"X-Request-ID": "0123"})
    return answer.status_code, answer.content


def arrived(content: bytes) -> dict[str, Any]:
    received: dict[str, Any] = json.loads(json.loads(content)["Message"])
    return received


@pytest.mark.usefixtures("_other_side")
@pytest.mark.parametrize("path", ["/plain/x?a=b%20c", "/chunked", "/201"])
def test_a_call_goes_to_the_address_of_the_environment_with_the_id_of_its_request(
    path: str,
) -> None:
    status, content = asked(path)
    assert status == 200
    received = arrived(content)
    assert (received["method"], received["path"]) == ("GET", f"/the-other{path}")
    assert received["headers"]["x-request-id"] == "0123"


@pytest.mark.usefixtures("_other_side")
def test_a_call_may_have_another_method_and_a_body() -> None:
    _, content = asked("/plain", method="POST", body=b'{"a":1}')
    received = arrived(content)
    assert (received["method"], received["body"]) == ("POST", '{"a":1}')
    assert received["headers"]["content-type"] == "application/json"


@pytest.mark.usefixtures("_other_side")
@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/502", "ValueError status 502"),
        ("/404", "ValueError status 404"),
        ("/cut", "EOFError the connection ended before the answer did"),
        ("/garbage", "JSONDecodeError"),
        ("/slow", "TimeoutError"),
    ],
)
def test_without_an_answer_to_use_the_caller_answers_502_and_logs_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str, why: str
) -> None:
    monkeypatch.setattr(chassis_client, "CALL_SECONDS", 0.1 if path == "/slow" else 10)
    assert asked(path) == (502, BAD_GATEWAY)
    (entry,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert entry["error"].startswith("GET http://127.0.0.1:")
    assert f"/the-other{path}: {why}" in entry["error"]


def test_another_side_that_is_not_there_is_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THE_OTHER_URL", f"http://127.0.0.1:{free_ports(1)[0]}/the-other")
    assert asked("/plain") == (502, BAD_GATEWAY)
    assert "ConnectionRefusedError" in capsys.readouterr().out


@pytest.mark.usefixtures("_other_side")
@pytest.mark.parametrize("path", ["/a b", "/a\r\nX-Service: b", "/ü"])
def test_a_path_that_would_break_the_request_is_not_sent(
    capsys: pytest.CaptureFixture[str], path: str
) -> None:
    assert asked(path)[0] == 500
    assert "must be percent-encoded" in capsys.readouterr().out


def test_a_call_that_the_table_does_not_declare_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked("/plain")[0] == 500
    assert "'the-other' must be one of the row's `calls` in topology.py" in capsys.readouterr().out
