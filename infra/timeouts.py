"""The time-outs of a request's way, in seconds. All follow from its service's row."""

from collections.abc import Iterable

from topology import Service

# The provider gives up on a deletion after 20 minutes; nginx.conf ends old workers after LONGEST.
LONGEST = 600
PING = 20  # shorter than the silence that proxies before the gateway allow


def graceful(timeout: int) -> int:
    """Return how long a service answers open requests after SIGTERM."""
    return timeout + 3


def stop(timeout: int) -> int:
    """Return how long a container has from SIGTERM to SIGKILL."""
    return graceful(timeout) + 4


def ping(timeout: int) -> float:
    """Return after how many silent seconds a stream sends a sign of life, in time for nginx."""
    return min(PING, timeout / 2)


def call(timeout: int) -> float:
    """Return how long a service waits for another that it calls.

    It is shorter than the gateway waits for the caller, which can then still say what failed.
    """
    return 0.8 * timeout


def drain(stop_seconds: int, streams: int = 0) -> int:
    """Return how long the gateway waits for a drained replica's open requests.

    It follows from the replica's own time to stop: the row may have another time-out by now. It is
    longer, as a slow client reads an answer for longer than the service needs to give it. Streams
    end when they are told to, which the stop does; it also leaves other requests their time.
    """
    return streams or stop_seconds + 8


def drained(stop_seconds: int, streams: int = 0) -> int:
    """Return within what time the gateway's `drain` command ends, also on a busy machine."""
    return drain(stop_seconds, streams) + 30


def longest(services: Iterable[Service]) -> int:
    """Return the time-out of the slowest service, for what serves them all."""
    return max((service.timeout for service in services), default=Service.timeout)
