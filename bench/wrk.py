"""Load by wrk, and checks of the answers while it runs."""

import contextlib
import http.client
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SAMPLE_EVERY_SECONDS = 0.05
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


@dataclass(frozen=True, kw_only=True)
class Load:
    rate: float  # requests a second
    p99: float  # milliseconds
    requests: int


class BenchError(Exception):
    """A benchmark that cannot be run; the message is the reason."""


def run(
    url: str, *, connections: int, seconds: int, close: bool = False, rate: float | None = None
) -> Load:
    """Run wrk. With a rate, each connection pauses between its requests."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "pause.lua"
        script.write_text(_pauses(connections, rate) if rate else "")
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--latency",
            "-s",
            str(script),
        ]
        header = ["-H", "Connection: close"] if close else []
        done = subprocess.run([*command, *header, url], capture_output=True, text=True, check=False)
    return _read(done.stdout + done.stderr, url)


def _pauses(connections: int, rate: float) -> str:
    longest = round(2000 * connections / rate)
    return f"function delay() return math.random(0, {longest}) end\n"


def _read(text: str, url: str) -> Load:
    if "Non-2xx" in text:
        raise BenchError(f"{url} did not answer 200:\n{text}")
    rate, p99, requests = (
        re.search(pattern, text)
        for pattern in (r"Requests/sec:\s+([\d.]+)", r"99%\s+([\d.]+)(\w+)", r"(\d+) requests in")
    )
    if not rate or not p99 or not requests or not int(requests[1]):
        raise BenchError(f"{url} answered nothing:\n{text}")
    return Load(
        rate=float(rate[1]),
        p99=float(p99[1]) * MILLISECONDS[p99[2]],
        requests=int(requests[1]),
    )


def get(url: str, timeout: float = 5) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for(url: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if get(url)[0] == http.HTTPStatus.OK:
                return
        if time.monotonic() > deadline:
            raise BenchError(f"{url} did not answer within {seconds:.0f} s")
        time.sleep(0.002)


@contextlib.contextmanager
def watched(url: str, body: bytes) -> Iterator[list[int]]:
    """Check answers against `body` in the background. Yields a list with their number."""
    stop = threading.Event()
    compared = [0]
    wrong: list[str] = []

    def watch() -> None:
        while not stop.wait(SAMPLE_EVERY_SECONDS):
            status, content = get(url)
            compared[0] += 1
            if (status, content) != (http.HTTPStatus.OK, body):
                wrong.append(f"{url} answered {status} {content!r} instead of {body!r}")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield compared
    finally:
        stop.set()
        thread.join()
    if wrong:
        raise BenchError(f"{len(wrong)} of {compared[0]} answers were wrong: {wrong[0]}")
