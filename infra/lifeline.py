"""Ends this process when the Pulumi engine that started it is gone, or is done with it.

The engine waits for its program's end without a limit, and a program may wait for an answer that
nobody will send any more.
"""

import faulthandler
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

ADDRESS = re.compile(r"(127\.0\.0\.1):(\d+)")
CONNECT_SECONDS = 5.0
PAUSE_SECONDS = 1.0
END_SECONDS = 15.0  # for a program to end by itself once its resource monitor is closed
STDERR = 2

Address = tuple[str, int]


def hold(is_at_work: Callable[[], bool] = lambda: False) -> None:
    """Watch the engine from a thread; do nothing in a process that no engine started.

    A program that is at work, in a hook that the engine has called, may go on with it.
    """
    engine, monitor = addresses(sys.orig_argv)
    if engine:
        arguments = (engine, monitor, is_at_work)
        threading.Thread(target=_watch, args=arguments, name="lifeline", daemon=True).start()


def addresses(arguments: Sequence[str]) -> tuple[Address | None, Address | None]:
    """Return the engine's, which is given first, and the resource monitor's, of a program only."""
    found = [(one[1], int(one[2])) for one in map(ADDRESS.fullmatch, arguments) if one]
    return (found[0] if found else None), (found[1] if "--monitor" in arguments else None)


def _watch(engine: Address, monitor: Address | None, is_at_work: Callable[[], bool]) -> None:
    closed_since = None
    while _answers(engine):
        if monitor is None or is_at_work() or _answers(monitor):
            closed_since = None
        else:
            closed_since = closed_since or time.monotonic()
            if time.monotonic() - closed_since > END_SECONDS:
                _end("the Pulumi engine is done, and this program is not; it ends, from here:")
        time.sleep(PAUSE_SECONDS)
    _end(f"the Pulumi engine at {engine[0]}:{engine[1]} is gone; this ends")


def _answers(address: Address) -> bool:
    try:
        socket.create_connection(address, timeout=CONNECT_SECONDS).close()
    except ConnectionRefusedError:
        return False
    except OSError:  # too busy to take it
        pass
    return True


def _end(why: str) -> None:
    with suppress(OSError):  # whoever read it is gone, too
        os.write(STDERR, f"{why}\n".encode())
        faulthandler.dump_traceback(STDERR)
    os._exit(1)
