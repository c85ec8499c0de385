"""`make up` asks the gateway while Pulumi works, and says what clients have seen."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.polling import wait_until
from tests.support.processes import free_ports
from tools.price import __main__ as program
from tools.price.clients import CLOSED_FOR, Clients, Route, Seen, routes

ROOT = Path(__file__).resolve().parents[2]
Answer = tuple[int, dict[str, str]]
OK: Answer = (200, {})
BAD: Answer = (502, {})
CLOSED: Answer = (503, {"Retry-After": CLOSED_FOR})
BUSY: Answer = (503, {"Retry-After": "1"})
OUTPUTS = {
    "url": "http://127.0.0.1:8000",
    "services": {"one": {"url": "http://127.0.0.1:8000/api/v1/"}, "two": {"url": ""}},
}


class Gateway:
    """Answers each path as `answers` says."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway.asked.append(self.path)
                status, headers = gateway.answers.get(self.path, (404, {}))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    one = Gateway()
    thread = threading.Thread(target=one.server.serve_forever, args=[0.01])
    thread.start()
    yield one
    one.server.shutdown()
    one.server.server_close()
    thread.join(10)


def asked(gateway: Gateway, *paths: str) -> Clients:
    return Clients(lambda: [Route(gateway.url + path, "127.0.0.1") for path in paths])


def test_the_routes_of_a_stack() -> None:
    assert [one.url for one in routes(OUTPUTS, "127.0.0.1")] == [
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000/api/v1/healthz",
    ]
    assert routes({}, "127.0.0.1") == []


@pytest.mark.parametrize(
    ("url", "bound", "address"),
    [
        ("http://10.0.0.5:8001", "127.0.0.1", "10.0.0.5"),
        ("http://0.0.0.0", "0.0.0.0", "127.0.0.1"),
        ("https://shop.example", "192.0.2.1", "192.0.2.1"),
        ("https://shop.example", "0.0.0.0", "127.0.0.1"),
    ],
)
def test_a_host_name_is_asked_where_the_gateway_is(url: str, bound: str, address: str) -> None:
    assert [one.address for one in routes({"url": url}, bound)] == [address]


@pytest.mark.parametrize(
    ("answer", "lost"),
    [(OK, ""), (CLOSED, ""), ((404, {}), ""), ((429, {}), ""), (BAD, "502"), (BUSY, "503")],
)
def test_what_is_a_loss(gateway: Gateway, answer: Answer, lost: str) -> None:
    gateway.answers["/"] = answer
    said = Route(f"{gateway.url}/", "127.0.0.1").ask()
    assert said[:3] == lost


def test_maintenance_is_told_as_nginx_tells_it() -> None:
    closed = (ROOT / "nginx" / "errors.conf").read_text().partition("location @closed")[2]
    assert f'Retry-After "{CLOSED_FOR}"' in closed.partition("}")[0]


def test_losses_are_counted_with_their_evidence(gateway: Gateway) -> None:
    gateway.answers |= {"/": OK, "/one": OK}
    clients = asked(gateway, "/", "/one")
    wait_until(lambda: clients.seen.asked > 2, "requests")
    gateway.answers["/one"] = BAD
    wait_until(lambda: clients.seen.lost > 1, "losses")
    gateway.answers["/one"] = OK
    seen = clients.end()
    assert seen.asked > seen.lost
    assert seen.evidence().splitlines()[0].endswith(f" GET {gateway.url}/one: 502 Bad Gateway")
    assert seen.longest_gap > 0.2
    assert str(seen).startswith(f"Clients: asked {seen.asked}, lost {seen.lost}, slowest 0.")


def test_what_was_down_before_is_left_out(gateway: Gateway) -> None:
    gateway.answers |= {"/": OK, "/one": BAD}
    clients = asked(gateway, "/", "/one")
    wait_until(lambda: clients.seen.asked > 3, "requests")
    assert clients.end().losses == []
    assert gateway.asked.count("/one") == 1


def test_a_gateway_that_is_gone_is_a_loss() -> None:
    (port,) = free_ports(1)
    assert "refused" in Route(f"http://127.0.0.1:{port}/", "127.0.0.1").ask()


@contextmanager
def stack(folder: Path, gateway: Gateway, *, mode: str = "production") -> Iterator[Path]:
    """A folder with a stack's file, and a stand-in for Pulumi on the PATH; `act` is what it does.

    It goes on until there is a file `end`.
    """
    config = {"config": {"microservices:mode": mode}}
    (folder / "Pulumi.prod.yaml").write_text(json.dumps(config))
    (folder / "outputs").write_text(json.dumps({"url": gateway.url, "services": {}}))
    (folder / "events").write_text("")
    (folder / "Pulumi.yaml").write_text("name: x\n")
    (folder / "pulumi").write_text(
        f"#!/bin/sh\n[ $1 != stack ] || exec cat {folder}/outputs\n"
        f'[ $1 != whoami ] || exec echo \'{{"url": "file://{folder}"}}\'\n'
        f'for last; do :; done\necho "$@" >> {folder}/asked\n'
        f"trap 'echo interrupted; exit 7' TERM\n"
        f"until [ -e {folder}/end ]; do sleep 0.02; done\n"
        f"[ $last = --refresh ] || cp {folder}/events $last\n"
        f"echo the diff; exit $(cat {folder}/end)\n"
    )
    (folder / "pulumi").chmod(0o755)
    yield folder


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tools.price", *arguments, "--", "pulumi", "work"]
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "DOCKER_HOST": "unix:///x"}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = child.communicate(timeout=60)
    return child.returncode, output, errors


def replaced(*others: str) -> str:
    """Return events that replace a replica beside others that stay."""
    parent = "urn:pulumi:prod::x::microservices:index:WebService::one"
    lines = []
    for name, op in {"one": "replace", **dict.fromkeys(others, "same")}.items():
        side = {"parent": parent, "inputs": {"restart": "always"}}
        urn = f"urn::docker:index/container:Container::{name}"
        step = {"op": op, "urn": urn, "old": side, "new": side}
        lines.append(json.dumps({"resourcePreEvent": {"metadata": step}}))
    return "\n".join([*lines, '{"resourcePreEvent"'])  # torn, as after a kill


class TestUp:
    """A stand-in for Pulumi works until it is told to end."""

    def up(
        self, folder: Path, gateway: Gateway, events: str, *, loses: bool, code: int = 0
    ) -> tuple[int, str, str]:
        gateway.answers["/"] = OK
        with stack(folder, gateway):
            (folder / "events").write_text(events)
            child = start(folder, "up", "--stack", "prod")
            wait_until(lambda: len(gateway.asked) > 2, "requests")
            if loses:
                gateway.answers["/"] = BAD
                seen = len(gateway.asked)
                wait_until(lambda: len(gateway.asked) > seen + 2, "losses")
            (folder / "end").write_text(str(code))
            return ended(child)

    def test_nothing_is_lost(self, tmp_path: Path, gateway: Gateway) -> None:
        code, output, errors = self.up(tmp_path, gateway, replaced("one-2"), loses=False)
        assert (code, errors) == (0, "")
        assert output.splitlines()[0] == "the diff"
        assert output.splitlines()[1].startswith("Price: 1 container drained; no request lost")
        assert output.splitlines()[2].startswith("Clients: asked ")
        assert ", lost 0, slowest 0." in output

    def test_a_loss_that_is_not_in_the_price_is_an_error(
        self, tmp_path: Path, gateway: Gateway
    ) -> None:
        code, output, errors = self.up(tmp_path, gateway, replaced("one-2"), loses=True)
        assert code == program.LOST
        assert "during an update that should lose none" in errors
        assert f"GET {gateway.url}/: 502" in errors
        assert "Clients: asked " in output

    def test_a_loss_that_is_in_the_price_is_none(self, tmp_path: Path, gateway: Gateway) -> None:
        code, output, errors = self.up(tmp_path, gateway, replaced(), loses=True)
        assert (code, errors) == (0, "")
        assert "\nPrice: one stops for about 10 s; no data deleted\nClients: asked " in output

    def test_nothing_is_said_of_no_change(self, tmp_path: Path, gateway: Gateway) -> None:
        assert self.up(tmp_path, gateway, "", loses=False) == (0, "the diff\n", "")

    def test_the_code_of_pulumi_is_kept(self, tmp_path: Path, gateway: Gateway) -> None:
        code, _, _ = self.up(tmp_path, gateway, replaced("one-2"), loses=True, code=255)
        assert code == 255

    def test_a_signal_reaches_pulumi(self, tmp_path: Path, gateway: Gateway) -> None:
        gateway.answers["/"] = OK
        with stack(tmp_path, gateway):
            child = start(tmp_path, "up", "--stack", "prod")
            wait_until(lambda: len(gateway.asked) > 2, "requests")
            child.send_signal(signal.SIGTERM)
            assert ended(child)[:2] == (7, "interrupted\n")

    def test_development_is_not_asked(self, tmp_path: Path, gateway: Gateway) -> None:
        with stack(tmp_path, gateway, mode="development"):
            (tmp_path / "end").write_text("3")
            assert ended(start(tmp_path, "up", "--stack", "prod"))[0] == 3
        assert gateway.asked == []
        assert (tmp_path / "asked").read_text() == "work --refresh\n"

    @pytest.mark.parametrize("text", ["{", "[]", "config: []", ""])
    def test_a_file_that_nobody_understands_is_left_to_pulumi(
        self, tmp_path: Path, gateway: Gateway, text: str
    ) -> None:
        with stack(tmp_path, gateway):
            (tmp_path / "Pulumi.prod.yaml").write_text(text)
            (tmp_path / "end").write_text("255")
            assert ended(start(tmp_path, "up", "--stack", "prod"))[::2] == (255, "")

    def test_outputs_that_nobody_understands_stop_nothing(
        self, tmp_path: Path, gateway: Gateway
    ) -> None:
        with stack(tmp_path, gateway):
            (tmp_path / "outputs").write_text('{"services": 1}')
            (tmp_path / "events").write_text(replaced())
            (tmp_path / "end").write_text("0")
            assert ended(start(tmp_path, "up", "--stack", "prod")) == (0, "the diff\n", "")


class TestPreview:
    """The price stands before what Pulumi prints."""

    def preview(
        self, folder: Path, gateway: Gateway, *arguments: str, code: int = 0
    ) -> tuple[int, str, str]:
        with stack(folder, gateway):
            (folder / "events").write_text(replaced())
            (folder / "end").write_text(str(code))
            return ended(start(folder, "preview", *arguments))

    def test_the_price_is_first(self, tmp_path: Path, gateway: Gateway) -> None:
        line = "Price: one stops for about 10 s; no data deleted\n"
        assert self.preview(tmp_path, gateway) == (0, f"{line}\nthe diff\n", "")

    def test_a_budget(self, tmp_path: Path, gateway: Gateway) -> None:
        code, _, errors = self.preview(tmp_path, gateway, "--budget", "no-loss,no-data")
        assert code == 5
        assert errors.startswith("error: the price exceeds the budget no-loss\n")
        assert self.preview(tmp_path, gateway, "--budget", "no-data")[0] == 0

    def test_a_preview_that_fails_has_no_price(self, tmp_path: Path, gateway: Gateway) -> None:
        assert self.preview(tmp_path, gateway, code=255) == (255, "the diff\n", "")


def test_the_summary() -> None:
    seen = Seen(asked=412, slowest=0.04, longest_gap=0.3)
    assert str(seen) == "Clients: asked 412, lost 0, slowest 0.04 s, longest gap 0.3 s."
    seen.losses += [str(number) for number in range(7)]
    assert seen.evidence() == "0\n1\n2\n3\n4\nand 2 more"
