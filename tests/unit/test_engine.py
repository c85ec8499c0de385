"""Every call to the Docker engine ends in an answer, an error or a time-out."""

import json
import re
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import docker
import pulumi
import pytest

from infra import admission, drift, engine
from infra.admission import Refused
from tests.support import configured
from tests.support.program import Recorder

ANSWERS = {
    "/version": (200, b'{"ApiVersion": "1.41"}'),
    "/v1.41/containers/none/json": (404, b'{"message": "No such container: none"}'),
    "/v1.41/info": (500, b'{"message": "the disk is full"}'),
}
LIMIT = 1


class _Engine(BaseHTTPRequestHandler):
    """Gives the ANSWERS, and none to any other request until the test is over."""

    over = threading.Event()

    def do_GET(self) -> None:
        if self.path not in ANSWERS:
            self.over.wait()
            return
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  as http.server has it

    def address_string(self) -> str:
        return "a unix socket has no address"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An engine that hardly answers, for every client of the test."""
    monkeypatch.setattr(_Engine, "over", threading.Event())
    address = tmp_path / "docker.sock"
    with socketserver.ThreadingUnixStreamServer(str(address), _Engine) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{address}")
        yield
        _Engine.over.set()
        server.shutdown()


@pytest.mark.usefixtures("slow")
def test_an_engine_that_does_not_answer_is_named_with_what_was_asked() -> None:
    expected = f"did not answer GET /v1.41/images/json within {LIMIT} s"
    with pytest.raises(engine.EngineError, match=expected), engine.client(seconds=LIMIT) as client:
        client.api.images()


@pytest.mark.usefixtures("slow")
def test_a_request_of_our_own_has_the_limit_too() -> None:
    with pytest.raises(engine.EngineError, match="POST /own"), engine.client(seconds=LIMIT) as one:
        one.api.post(f"{one.api.base_url}/own")


@pytest.mark.usefixtures("slow")
def test_a_refusal_is_the_same_kind_of_error() -> None:
    with pytest.raises(engine.EngineError, match="the disk is full"), engine.client() as client:
        client.info()


@pytest.mark.usefixtures("slow")
def test_what_is_not_there_can_be_handled_where_it_is_asked_for() -> None:
    with engine.client() as client, pytest.raises(docker.errors.NotFound):
        client.containers.get("none")


@pytest.mark.usefixtures("slow")
def test_an_engine_that_says_nothing_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ANSWERS, "/version")
    expected = f"no Docker engine answers: .* GET /version within {LIMIT} s"
    with pytest.raises(engine.EngineError, match=expected), engine.client(seconds=LIMIT):
        pass


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("mode", ["development", "swarm"])
def test_one_that_is_too_old_is_refused_in_a_preview_too(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    old = b'{"ApiVersion": "1.40", "Version": "19.03.15"}'
    monkeypatch.setitem(ANSWERS, "/version", (200, old))
    pulumi.runtime.set_mocks(Recorder(), preview=True)
    with pytest.raises(Refused) as refused:
        admission.admit(configured.read({"mode": mode}), {})
    (line,) = refused.value.lines
    assert line == (
        "docker:host: the Docker engine is version 19.03.15 (API 1.40), and the oldest supported "
        "is 20.10 (API 1.41); upgrade it, or name another engine"
    )


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("version", ["1.41", "1.56", "2.0"])
def test_the_oldest_supported_and_newer_ones_are_not_too_old(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setitem(ANSWERS, "/version", (200, json.dumps({"ApiVersion": version}).encode()))
    with engine.client() as client:
        engine.check_version(client.api)


@pytest.mark.usefixtures("slow")
def test_drift_is_not_looked_for_on_an_engine_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(engine, "ANSWER_SECONDS", LIMIT)
    monkeypatch.setattr(drift, "_containers", drift._containers.__wrapped__)  # noqa: SLF001
    monkeypatch.setattr(drift, "_tagged", drift._tagged.__wrapped__)  # noqa: SLF001
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)  # whatever earlier tests set
    assert drift.mounted("router_one", "/app", tmp_path) == tmp_path
    assert not drift.moved("microservice1:v1-abc", "abc")
    said = capsys.readouterr().err + caplog.text  # logged there if an earlier test has set mocks
    assert set(re.findall("GET /v1.41/(containers|images)", said)) == {"containers", "images"}


def failing(times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have the engine fail to list images so many times. Return the attempts."""
    asked: list[int] = []

    def images(*_: object, **__: object) -> list[str]:
        asked.append(len(asked))
        if len(asked) <= times:
            raise docker.errors.NotFound("content digest sha256:ee: not found")
        return ["all"]

    monkeypatch.setattr(docker.APIClient, "images", images)
    monkeypatch.setattr(engine, "LIST_RETRY_SECONDS", 0)
    return asked


@pytest.mark.usefixtures("slow")
class TestImages:
    """An engine with a containerd image store fails to list them while it removes one."""

    def test_it_is_asked_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = failing(engine.LIST_RETRIES, monkeypatch)
        with engine.client() as client:
            assert client.api.images() == ["all"]
        assert len(asked) == 1 + engine.LIST_RETRIES

    def test_it_is_not_asked_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        failing(engine.LIST_RETRIES + 1, monkeypatch)
        with pytest.raises(engine.EngineError, match="content digest"), engine.client() as client:
            client.api.images()
