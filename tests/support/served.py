"""A service that is served on this machine, without a container."""

import http.client
import os

from tests.support.deployment import ROOT


def environment(port: int, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "PYTHONPATH": str(ROOT / "services"),
        "PYTHONUNBUFFERED": "",
        **more,
    }


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()
