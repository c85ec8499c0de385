"""Each service answers as specified, in process."""

import importlib.util
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.support.contract import ENVELOPE, HELLO, NOT_FOUND, ONLY_GET, WHO
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]


def client(name: str) -> TestClient:
    spec = importlib.util.spec_from_file_location(name, ROOT / "services" / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return TestClient(module.app, raise_server_exceptions=False, follow_redirects=False)


def body(method: str, content: bytes) -> bytes:
    return b"" if method == "HEAD" else content


@pytest.mark.parametrize("method", METHODS)
def test_say_hello(method: str) -> None:
    answer = client("microservice1").request(method, "/say_hello?a=b")
    expected = HELLO if method == "GET" else ONLY_GET
    assert answer.status_code == 200
    # The in-process client keeps the body of a HEAD answer, unlike a server.
    assert answer.content in {expected, body(method, expected)}


@pytest.mark.parametrize("method", METHODS)
def test_who_am_i_answers_any_method(method: str) -> None:
    answer = client("microservice2").request(method, "/who_am_i")
    assert answer.status_code == 200
    assert answer.content in {WHO, body(method, WHO)}


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
        assert {key: answer.headers[key] for key in ENVELOPE} == ENVELOPE

    def test_a_request_meant_for_another_is_refused(self, name: str) -> None:
        one = client(name)
        assert one.get("/nothing", headers={"X-Service": "another"}).status_code == 421
        assert one.get("/nothing", headers={"X-Service": name}).status_code == 404
