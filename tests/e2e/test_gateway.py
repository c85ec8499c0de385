"""The gateway: which answers it passes on, which requests it repeats, which headers it drops."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from infra import nginx, rollout, timeouts
from infra.nginx import DRAINED
from tests.support.gateway import ONE, TWO, Gateway
from tests.support.load import Request, idle_clients
from tests.support.polling import wait_until

# One worker: two that build the same image at once remove each other's layers.
pytestmark = pytest.mark.xdist_group("gateway")
NO_SERVICE = b'{"Code":5020,"Message":"Bad Gateway"}'
TIMED_OUT = b'{"Code":5040,"Message":"Gateway Timeout"}'
LATE = 2.5  # allowed on a busy machine
FIRST, SECOND = Gateway.replicas[ONE]
SLOW = replace(TWO, timeout=30)
LARGE = replace(TWO, max_body=1024)


class SlowService(Gateway):
    replicas: ClassVar = {ONE: (FIRST, SECOND), SLOW: (SLOW.container,)}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway")) as one:
        yield one


@pytest.fixture(autouse=True)
def _nothing_drained(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "gateway" in request.fixturenames:
        one: Gateway = request.getfixturevalue("gateway")
        for name in (FIRST, SECOND, TWO.container):
            one.does("restore", name)


def times_asked(gateway: Gateway, what: str) -> int:
    return [*gateway.asked(FIRST), *gateway.asked(SECOND)].count(what)


@pytest.mark.parametrize("status", [400, 404, 413, 421, 429, 489, 500, 502, 503, 504])
def test_an_answer_of_a_service_is_passed_on_whatever_its_status(
    gateway: Gateway, status: int
) -> None:
    got, headers, body = gateway.ask(ONE, f"/status/{status}")
    assert got == status
    assert json.loads(body)["path"] == f"/status/{status}"
    assert (
        "access-control-allow-origin" not in headers
    )  # which an answer of the gateway itself would have


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_slow_request_runs_once_and_ends_by_the_documented_time_out(
    gateway: Gateway, method: str
) -> None:
    path = f"/slow/{ONE.timeout + 4}?{method}"
    began = time.monotonic()
    status, _, body = gateway.ask(ONE, path, method)
    took = time.monotonic() - began
    assert (status, body) == (504, TIMED_OUT)
    assert ONE.timeout <= took < ONE.timeout + LATE
    assert times_asked(gateway, f"{method} {path}") == 1


@contextmanager
def hanging(gateway: Gateway, name: str) -> Iterator[None]:
    container = gateway.containers[name]
    pids = [int(row[1]) for row in container.top()["Processes"]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_what_a_replica_that_hangs_has_taken_is_asked_of_another(gateway: Gateway) -> None:
    """A GET is; a POST is not sent twice, and gets the time-out."""
    with ThreadPoolExecutor(12) as pool, hanging(gateway, FIRST):
        gets = [pool.submit(gateway.ask, ONE, f"/echo/{n}?hang") for n in range(8)]
        posts = [pool.submit(gateway.ask, ONE, f"/echo/{n}?hang", "POST") for n in range(4)]
        answers = [one.result() for one in gets]
        refused = [one.result() for one in posts]
    wait_until(
        lambda: all(times_asked(gateway, f"POST /echo/{n}?hang") for n in range(4)),
        "the replica goes on with what it had taken",
    )
    assert {status for status, _, _ in answers} == {200}
    assert {json.loads(body)["replica"] for _, _, body in answers} == {SECOND}
    assert times_asked(gateway, "GET /healthz") > 0, "no request was taken by the one that hangs"
    assert {status for status, _, _ in refused} <= {200, 504}
    for n in range(4):
        assert times_asked(gateway, f"POST /echo/{n}?hang") == 1


def test_a_misdirected_request_is_sent_again_and_the_body_with_it(tmp_path: Path) -> None:
    with Gateway(tmp_path) as one:
        one.containers[SECOND].remove(force=True)
        one.add_replica(SECOND, ONE, 11, takes="another-service")
        answers = []

        def refused_some() -> bool:
            answers.append(one.ask(ONE, "/echo/misdirected", "POST", body=b"abc"))
            return one.asked(SECOND).count("POST /echo/misdirected") >= 3

        wait_until(refused_some, "the replica of another service is asked, and refuses")
    assert {status for status, _, _ in answers} == {200}
    assert {json.loads(body)["length"] for _, _, body in answers} == {3}
    assert {json.loads(body)["replica"] for _, _, body in answers} == {FIRST}


def test_a_request_that_every_replica_refuses_ends_in_the_envelope(tmp_path: Path) -> None:
    with Gateway(tmp_path) as one:
        for name, address in ((FIRST, 10), (SECOND, 11)):
            one.containers[name].remove(force=True)
            one.add_replica(name, ONE, address, takes="another-service")
        answers = []

        def refused() -> bool:
            answers.append(one.ask(ONE, "/echo/refused", "POST", body=b"abc"))
            return "POST /echo/refused" in one.asked(FIRST) + one.asked(SECOND)

        wait_until(refused, "a replica is asked, and refuses")
    assert {(status, body) for status, _, body in answers} == {(502, NO_SERVICE)}


@pytest.mark.parametrize(("seconds", "expected"), [(3, {200}), (12, {502, 504})])
def test_what_no_replica_takes_in_time_is_sent_again_for_five_seconds(
    tmp_path: Path, seconds: int, expected: set[int]
) -> None:
    """POSTs too, as none has reached the service."""
    with Gateway(tmp_path) as one:
        one.containers[TWO.container].remove(force=True)
        one.add_replica(TWO.container, TWO, 20, backlog=1)
        wait_until(one.serves, "the gateway has found the new replica")
        with ThreadPoolExecutor(9) as pool:
            stop = pool.submit(one.ask, TWO, f"/stop/{seconds}", "POST")
            wait_until(lambda: f"POST /stop/{seconds}" in one.asked(TWO.container), "it stops")
            began = time.monotonic()
            posts = [pool.submit(one.ask, TWO, f"/echo/{n}", "POST") for n in range(8)]
            answers = [post.result() for post in posts]
            took = time.monotonic() - began
            stop.result()
        log = one.containers["frontend"].logs().decode()
        assert "timed out) while connecting" in log, "each connection was taken at once"
        times = [one.asked(TWO.container).count(f"POST /echo/{n}") for n in range(8)]
    assert {status for status, _, _ in answers} == expected
    assert {body for status, _, body in answers if status == 502} <= {NO_SERVICE}
    assert max(times) <= 1
    assert took < seconds + TWO.timeout


CLAIMED = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "claimed.example",
    "X-Forwarded-Port": "4443",
    "Forwarded": "for=192.0.2.7;proto=https",
    "X-Real-IP": "192.0.2.7",
}


def arrived(gateway: Gateway) -> dict[str, str]:
    headers: dict[str, str] = json.loads(gateway.ask(ONE, "/echo", headers=CLAIMED)[2])["headers"]
    return headers


def test_what_a_client_claims_of_its_connection_is_not_passed_on(gateway: Gateway) -> None:
    headers = arrived(gateway)
    host = gateway.url.removeprefix("http://")
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == f"{gateway.subnet}.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == headers["host"] == host
    assert headers["x-forwarded-port"] == "80"
    assert "forwarded" not in headers


def test_a_trusted_proxy_is_believed(tmp_path: Path) -> None:
    with Gateway(tmp_path, trusts_the_host=True) as one:
        headers = arrived(one)
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "192.0.2.7"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == "claimed.example"
    assert headers["x-forwarded-port"] == "4443"
    assert "forwarded" not in headers


def connect(gateway: Gateway, text: bytes) -> socket.socket:
    one = socket.create_connection((gateway.url.removeprefix("http://"), 80), 15)
    one.sendall(text)
    return one


def test_slow_bodies_take_no_room_from_other_bodies_nor_from_a_drain(gateway: Gateway) -> None:
    """Together they hold more than /tmp has, which the gateway's script works in."""
    head = f"POST {ONE.prefix}echo HTTP/1.1\r\nHost: slow\r\nContent-Length: 65000\r\n\r\n".encode()
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(gateway, head + b"x" * 60000)) for _ in range(400)]
        for one in slow:
            one.sendall(b"x")
        status, _, body = gateway.ask(TWO, "/echo", "POST", body=b"x" * 20000)
        assert (status, json.loads(body)["length"]) == (200, 20000)
        assert gateway.does("drain", FIRST) == (0, "")
        assert gateway.does("restore", FIRST) == (0, "")
        _, listed = gateway.containers["frontend"].exec_run(["find", "/tmp", "-size", "+16k"])
        assert listed == b""


def test_a_download_larger_than_any_file_of_the_gateway_arrives_whole(gateway: Gateway) -> None:
    size = 40_000_000
    with connect(gateway, f"GET {ONE.prefix}big/{size} HTTP/1.0\r\n\r\n".encode()) as one:
        received = 0
        while data := one.recv(1 << 16):
            received += len(data)
            time.sleep(0.005)  # slower than the service, so that all buffers are full
    assert received > size


def test_a_drained_replica_gets_nothing_until_it_is_restored(gateway: Gateway) -> None:
    """The drain ends after the answer that was under way, and with no connection left."""
    with ThreadPoolExecutor(8) as pool:
        slow = [pool.submit(gateway.ask, ONE, f"/slow/3?drain{n}") for n in range(8)]
        wait_until(
            lambda: all(
                any("drain" in line for line in gateway.asked(name)) for name in (FIRST, SECOND)
            ),
            "both replicas work",
        )
        assert gateway.does("drain", FIRST) == (0, "")
        answered = [one.done() for one in slow]
        assert {one.result()[0] for one in slow} == {200}
    assert FIRST in map(replica_of, slow)
    assert all(done for one, done in zip(slow, answered, strict=True) if replica_of(one) == FIRST)
    assert {json.loads(gateway.ask(ONE, "/echo")[2])["replica"] for _ in range(10)} == {SECOND}
    assert gateway.does("restore", FIRST) == (0, "")
    assert {json.loads(gateway.ask(ONE, "/echo")[2])["replica"] for _ in range(10)} == {
        FIRST,
        SECOND,
    }


def replica_of(answer: Future[tuple[int, dict[str, str], bytes]]) -> str:
    return str(json.loads(answer.result()[2])["replica"])


def test_many_drains_at_once(gateway: Gateway) -> None:
    names = [SECOND, TWO.container]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda name: gateway.does("drain", name), names)) == [(0, "")] * 2
    assert json.loads(gateway.ask(ONE, "/echo")[2])["replica"] == FIRST
    assert gateway.ask(TWO, "/echo")[0] == 503


def test_the_only_replica_of_a_service_is_refused_clearly_while_it_is_drained(
    gateway: Gateway,
) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(gateway.ask, TWO, "/slow/2", "POST")
        wait_until(lambda: "POST /slow/2" in gateway.asked(TWO.container), "the request is there")
        assert gateway.does("drain", TWO.container) == (0, "")
        assert slow.result()[0] == 200
    status, headers, body = gateway.ask(TWO, "/echo")
    assert (status, body) == (503, b'{"Code":5030,"Message":"Service Unavailable"}')
    assert headers["retry-after"] == "1"
    gateway.does("restore", TWO.container)
    assert gateway.ask(TWO, "/echo")[0] == 200


def test_a_slow_service_has_the_time_that_its_row_says(tmp_path: Path) -> None:
    """To answer, and to be drained, while a service beside it keeps its own time-out."""
    with SlowService(tmp_path) as one, ThreadPoolExecutor(3) as pool:
        began = time.monotonic()
        slow = pool.submit(one.ask, SLOW, "/slow/8", "POST")
        ordinary = pool.submit(one.ask, ONE, "/slow/8", "POST")
        wait_until(lambda: "POST /slow/8" in one.asked(SLOW.container), "the request is there")
        assert one.does("drain", SLOW.container, "1") == (
            0,
            f"1 requests to {SLOW.container} are still open after 1 s; they end when it stops",
        )
        inputs = {
            "name": one.prefix + SLOW.container,
            "destroyGraceSeconds": timeouts.stop(SLOW.timeout),
        }
        rollout.drain_replica(one.prefix, inputs)
        drained_after = time.monotonic() - began
        assert (ordinary.result()[0], ordinary.result()[2]) == (504, TIMED_OUT)
        assert slow.result()[0] == 200
        assert 8 <= drained_after < SLOW.timeout


class LargeBodies(Gateway):
    replicas: ClassVar = {ONE: (ONE.container,), LARGE: (LARGE.container,)}


def test_a_body_may_be_as_large_as_its_row_says(tmp_path: Path) -> None:
    """The gateway keeps as many in memory as it has room for, and refuses more."""
    half, size = b"x" * 512 * 1024, 1024 * LARGE.max_body
    head = f"POST {LARGE.prefix}echo HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
    with LargeBodies(tmp_path) as one, ExitStack() as stack:
        for service, length, status in (
            (LARGE, size, 200),
            (LARGE, size + 1, 413),
            (ONE, size, 413),
        ):
            answer = one.ask(service, "/echo", "POST", body=b"x" * length)
            assert answer[0] == status
            assert status == 413 or json.loads(answer[2])["length"] == length
        slow = [stack.enter_context(connect(one, head + half)) for _ in range(nginx.LARGE_BODIES)]

        def is_full() -> bool:
            for connection in slow:
                connection.sendall(b"x")  # nginx gives a body up that is silent for five seconds
            return one.ask(LARGE, "/echo", "POST", body=b"x")[0] == 429

        wait_until(is_full, "it takes no more large bodies")
        assert one.ask(LARGE, "/echo")[0] == 200
        assert one.ask(ONE, "/echo", "POST", body=b"x" * 65536)[0] == 200
        for connection in slow:
            connection.close()
        whole = b"x" * size
        wait_until(lambda: one.ask(LARGE, "/echo", "POST", body=whole)[0] == 200, "it takes one")
        gateway = one.containers["frontend"]
        gateway.reload()
        assert not gateway.attrs["State"]["OOMKilled"]
        assert gateway.attrs["RestartCount"] == 0


def test_a_gateway_that_dies_in_a_drain_is_asked_again(gateway: Gateway) -> None:
    container = gateway.containers["frontend"]
    replica = f"{gateway.prefix}{FIRST}"
    inputs = {"name": replica, "destroyGraceSeconds": timeouts.stop(ONE.timeout)}
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(gateway.ask, ONE, "/slow/4?dies", "POST")
        drain = pool.submit(rollout.drain_replica, gateway.prefix, inputs)
        wait_until(lambda: FIRST in drained(gateway), "it is being drained")
        container.reload()
        os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)
        drain.result()
        slow.exception()
    wait_until(gateway.serves, "the gateway serves again")
    assert drained(gateway) == [FIRST]
    assert {json.loads(gateway.ask(ONE, "/echo")[2])["replica"] for _ in range(10)} == {SECOND}


def drained(gateway: Gateway) -> list[str]:
    code, output = gateway.containers["frontend"].exec_run(["ls", DRAINED])
    return bytes(output).decode().split() if code == 0 else []  # type: ignore[arg-type]


def workers(gateway: Gateway) -> set[str]:
    rows = gateway.containers["frontend"].top()["Processes"]
    return {row[1] for row in rows if row[-1].strip() == "nginx: worker process"}


def test_a_configuration_file_that_is_removed_is_noticed(gateway: Gateway) -> None:
    more = gateway.content / "more.conf"
    elsewhere = gateway.content.with_name("more.conf")
    elsewhere.write_text("# nothing\n")
    first = workers(gateway)
    elsewhere.rename(more)  # atomic, so that it causes one reload
    wait_until(lambda: len(workers(gateway)) == 2 and not first & workers(gateway), "a reload")
    second = workers(gateway)
    more.unlink()
    wait_until(lambda: len(workers(gateway)) == 2 and not second & workers(gateway), "another")


def test_a_reload_and_a_drain_cut_no_idle_connection(gateway: Gateway) -> None:
    requests = [
        Request(path=f"{TWO.prefix}big/7", bodies=(b"x" * 7,), method=method)
        for method in ("GET", "POST")
    ]
    before = workers(gateway)
    with (
        idle_clients(gateway.url, requests, pause=0.1, count=4) as busy,
        idle_clients(gateway.url, requests, pause=3, count=20) as idle,
    ):
        wait_until(lambda: idle.sent >= 20, "every client has a connection")
        (gateway.content / "reload.conf").write_text("# nothing\n")
        wait_until(lambda: len(workers(gateway)) == 2 and not before & workers(gateway), "a reload")
        assert gateway.does("drain", FIRST) == (0, "")
        sent = idle.sent
        wait_until(lambda: idle.sent >= sent + 40, "every client asked again", 30)
    for report in (busy, idle):
        assert report.losses == [], report.summary()
        assert report.reopened == 0, "the gateway closed a connection that it promised to keep"
