"""Hostile traffic is refused with the right status, and other clients are served meanwhile."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.contract import ENVELOPE, HELLO, WHO, ask
from tests.support.deployment import Deployment
from tests.support.polling import wait_until

HOST = b"Host: here\r\n"
CLOSE = b"Connection: close\r\n"
UPGRADE = b"Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"
SMUGGLED = b"0\r\n\r\nGET /api/v2/who_am_i HTTP/1.1\r\nHost: here\r\n\r\n"
CHUNKS = b"1000\r\n" + b"x" * 4096 + b"\r\n"


def get(path: bytes, headers: bytes = HOST + CLOSE) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + headers + b"\r\n"


def hello(headers: bytes) -> bytes:
    return get(b"/api/v1/say_hello", headers)


def post(headers: bytes, body: bytes) -> bytes:
    return b"POST /api/v1/say_hello HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


# The request, and the expected status.
REFUSED = {
    "length and chunked": (
        post(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", SMUGGLED),
        400,
    ),
    "chunked twice": (post(b"Transfer-Encoding: chunked\r\n" * 2, SMUGGLED), 400),
    "an encoding unknown": (post(b"Transfer-Encoding: xchunked\r\n", SMUGGLED), 501),
    "a list of encodings": (post(b"Transfer-Encoding: chunked, identity\r\n", SMUGGLED), 501),
    "two lengths": (post(b"Content-Length: 0\r\nContent-Length: 5\r\n", b"hello"), 400),
    "a length with a sign": (post(b"Content-Length: +5\r\n", b"hello"), 400),
    "a negative length": (post(b"Content-Length: -1\r\n", b"hello"), 400),
    "a space before the colon": (post(b"Content-Length : 5\r\n", b"hello"), 400),
    "a bare return in a header": (hello(b"Host: a\rX: b\r\n"), 400),
    "a folded header": (hello(HOST + b"X-A: b\r\n c\r\n"), 400),
    "no host": (hello(b""), 400),
    "two hosts": (hello(b"Host: a\r\nHost: b\r\n"), 400),
    "a host with a path": (hello(b"Host: a/../b\r\n"), 400),
    "a path above the root": (get(b"/../../etc/passwd"), 400),
    "the same, encoded": (get(b"/%2e%2e/%2e%2e/etc/passwd"), 400),
    "the same, slashes encoded": (get(b"/..%2f..%2f..%2fetc/passwd"), 400),
    "a zero byte": (get(b"/api/v1/say\x00hello"), 400),
    "an encoded zero byte": (get(b"/api/v1/say_hello%00"), 400),
    "a hidden file": (get(b"/.git/config"), 404),
    "the health check of the gateway": (get(b"/gateway-health"), 404),
    "the gateway's own error page": (get(b"/gateway-error"), 404),
    "HTTP/2 at once": (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]),
        400,
    ),
    "HTTP/3 by name": (b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 505),
    "a TLS handshake": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 50, 400),
    "trace": (b"TRACE /api/v1/say_hello HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "connect": (b"CONNECT here:80 HTTP/1.1\r\nHost: here:80\r\n\r\n", 405),
    "a write to the page": (
        b"PUT /index.html HTTP/1.1\r\n" + HOST + CLOSE + b"Content-Length: 0\r\n\r\n",
        405,
    ),
    "a body over the limit": (post(b"Content-Length: 200000\r\n", b"x" * 200_000), 413),
    "the same in chunks": (
        post(b"Transfer-Encoding: chunked\r\n", CHUNKS * 40 + b"0\r\n\r\n"),
        413,
    ),
    "an address over the limit": (get(b"/" + b"a" * 40_000), 414),
    "a header over the limit": (hello(HOST + b"X-Large: " + b"y" * 40_000 + b"\r\n"), 431),
    "too many headers": (hello(HOST + b"X-Many: yyyyyyyyyy\r\n" * 2000), 431),
}
# Unusual but valid requests, and who answers them.
ANSWERED = {
    "line feeds alone": (hello(HOST + CLOSE).replace(b"\r\n", b"\n"), HELLO),
    "another host in the request line": (get(b"http://evil.example/api/v1/say_hello"), HELLO),
    "a step up within the root": (get(b"/api/v1/../v2/who_am_i"), WHO),
    "the same, encoded": (get(b"/api/v1/%2e%2e/v2/who_am_i"), WHO),
    "slashes twice": (get(b"//api//v1//say_hello"), HELLO),
    "an upgrade to HTTP/2": (hello(HOST + UPGRADE), HELLO),
}


def exchange(url: str, raw: bytes) -> bytes:
    """Everything that comes back until the gateway closes."""
    parts = urlsplit(url)
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=15) as one:
        try:
            one.sendall(raw)
            while data := one.recv(65536):
                received += data
        except ConnectionError:
            assert received  # refused before the whole request was sent
    return received


def split(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split(" ")[1]), {k.lower(): v for k, v in headers.items()}, body


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_gets_one_refusal_that_gives_nothing_away(
    standing: Deployment, case: str
) -> None:
    raw, right = REFUSED[case]
    answer = exchange(standing.url, raw)
    assert answer.count(b"HTTP/1.1 ") == 1
    status, headers, body = split(answer)
    assert status == right
    assert json.loads(body).keys() == {"Code", "Message"}
    assert json.loads(body)["Code"] == 10 * right
    assert {key: headers.get(key) for key in ENVELOPE} == ENVELOPE
    assert headers["server"] == "nginx"
    for inside in (b"router_", b"10.", b"Debian", b"uvicorn", b"Traceback", b"/tmp"):
        assert inside not in answer
    assert ask(standing.url + "/api/v1/say_hello")[2] == HELLO


@pytest.mark.parametrize("case", ANSWERED)
def test_an_odd_request_gets_one_answer_of_the_right_service(
    standing: Deployment, case: str
) -> None:
    raw, right = ANSWERED[case]
    answer = exchange(standing.url, raw)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert split(answer)[::2] == (200, right)


# Replaces a service, and answers with the request that it received.
ECHO = r"""
import asyncio

async def answer(reader, writer):
    seen = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(seen), seen))
    await writer.drain()
    writer.close()

async def main():
    await (await asyncio.start_server(answer, "0.0.0.0", 8080)).serve_forever()

asyncio.run(main())
"""


@pytest.fixture
def echo(standing: Deployment) -> Iterator[str]:
    """The address of a route where an echo stands in for the service."""
    own = [standing.container("microservice1", number) for number in (1, 2)]
    network = standing.engine.networks.get(standing.config["networkName"])
    for container in own:
        container.stop(timeout=15)
    stand_in = standing.engine.containers.create(
        str(own[0].attrs["Image"]),
        ["python3", "-c", ECHO],
        name=f"{standing.prefix}echo",
        network=network.name,
    )
    try:
        network.disconnect(stand_in)
        network.connect(stand_in, aliases=["router_one"])
        stand_in.start()
        url = f"{standing.url}/api/v1/seen"
        wait_until(lambda: ask(url)[0] == 200, "the echo answers")
        yield url
    finally:
        stand_in.remove(force=True)
        for container in own:
            container.start()
        standing.wait_healthy("microservice1")
        wait_until(lambda: ask(standing.url + "/api/v1/say_hello")[2] == HELLO, "found again")


def test_a_service_never_sees_what_a_client_makes_up(standing: Deployment, echo: str) -> None:
    told = ("Host", "Port", "Proto", "For")
    invented = (
        *(f"X-Forwarded-{what}" for what in told),
        *("X-Real-IP", "X-Service", "X-Request-ID", "X_Forwarded_For", "Forwarded"),
    )
    spoofed = "".join(f"{name}: 6.6.6.6\r\n" for name in invented).encode()
    path = urlsplit(echo).path.encode()
    _, _, body = split(exchange(standing.url, get(path, HOST + CLOSE + spoofed)))
    lines = body.decode().split("\r\n")
    assert lines[0] == "GET /seen HTTP/1.1"
    assert "6.6.6.6" not in body.decode()
    names = [line.partition(":")[0].lower() for line in lines[1:] if line]
    assert sorted(names) == sorted(
        [
            *("host", "x-real-ip", "x-request-id", "x-service"),
            *(f"x-forwarded-{what.lower()}" for what in told),
        ]
    )
    assert "X-Service: microservice1" in lines
    other = b"http://evil.example" + path
    _, _, body = split(exchange(standing.url, get(other)))
    assert body.count(b"\nHost: ") == 1
    assert b"Host: evil.example\r\n" in body  # the request line takes precedence: RFC 9112, 3.2.2
