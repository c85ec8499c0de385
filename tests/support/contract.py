"""The specified answers of the services, and a client to ask for them."""

import http.client
from urllib.parse import urlsplit

from tests.support.polling import wait_until

ENVELOPE = {
    "content-type": "application/json",
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "Content-Type",
}
HELLO = b'{"Code":2000,"Message":"Hello Microservice1"}'
ONLY_GET = b'{"Code":4000,"Message":"Only Allow GET Method!"}'
WHO = b'{"Code":2000,"Message":"I am yizhigopher!"}'
INTRODUCED = b'{"Code":2000,"Message":"Hello Microservice1, I am yizhigopher!"}'
NOT_FOUND = b'{"Code":4040,"Message":"Not Found"}'


def ask(
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    *,
    seconds: float = 15,
) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=seconds)
    try:
        connection.request(method, url.partition(parts.netloc)[2], body, headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


CASES = [
    ("microservice1", "/api/v1", "/say_hello", "GET", 200, HELLO),
    *[
        ("microservice1", "/api/v1", "/say_hello", method, 200, ONLY_GET)
        for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    ],
    *[
        ("microservice2", "/api/v2", "/who_am_i", method, 200, WHO)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    ],
    ("microservice1", "/api/v1", "/introduce", "GET", 200, INTRODUCED),
    ("microservice1", "/api/v1", "/nothing", "GET", 404, NOT_FOUND),
    ("microservice2", "/api/v2", "/say_hello", "POST", 404, NOT_FOUND),
    ("microservice1", "/api/v1", "/say_hello?a=b", "GET", 200, HELLO),
    ("microservice1", "/api/v1", "/healthz", "GET", 200, b'{"Code":2000,"Message":"ok"}'),
    ("microservice2", "/api/v2", "/healthz", "GET", 200, b'{"Code":2000,"Message":"ok"}'),
]


def answers_until(url: str, wanted: bytes) -> list[bytes]:
    answers: list[bytes] = []

    def wanted_now() -> bool:
        answers.append(ask(url)[2])
        return answers[-1] == wanted

    wait_until(wanted_now, url)
    return answers
