"""Ends this process when the Pulumi engine that started it is gone.

A program whose engine was killed can wait for ever for an answer that nobody will send.
"""

import os
import re
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

ADDRESS = re.compile(r"(127\.0\.0\.1):(\d+)")
CONNECT_SECONDS = 5.0
PAUSE_SECONDS = 1.0
STDERR = 2


def hold() -> None:
    """Watch the engine from a thread; do nothing in a process that no engine started."""
    if engine := address(sys.orig_argv):
        threading.Thread(target=_watch, args=engine, name="lifeline", daemon=True).start()


def address(arguments: Sequence[str]) -> tuple[str, int] | None:
    """Return the engine's address: the first that a program or a policy pack is given."""
    found = next(filter(None, map(ADDRESS.fullmatch, arguments)), None)
    return (found[1], int(found[2])) if found else None


def _watch(host: str, port: int) -> None:
    while _lives(host, port):
        time.sleep(PAUSE_SECONDS)
    with suppress(OSError):  # whoever read it is gone, too
        os.write(STDERR, f"the Pulumi engine at {host}:{port} is gone; this ends\n".encode())
    os._exit(1)


def _lives(host: str, port: int) -> bool:
    """Return once a connection to the engine ends: the engine ends silent ones, too."""
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as connection:
            connection.settimeout(None)
            while connection.recv(4096):
                pass
    except ConnectionRefusedError:
        return False
    except OSError:  # a reset, or an engine that is too busy to take it: asked again
        pass
    return True
