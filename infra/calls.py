"""The calls between services that the table declares: who may, where to, and how long."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from infra import timeouts
from topology import GATEWAY, Service

PORT = 8000  # where the gateway listens for them; not published


def environment(service: Service) -> dict[str, str]:
    """Return what a service that calls others reads: their addresses, and its time for a call."""
    if not service.calls:
        return {}
    urls = {_variable(name): f"http://{GATEWAY}:{PORT}/{name}" for name in service.calls}
    return {**urls, "CALL_SECONDS": f"{timeouts.call(service.timeout):g}"}


def callers(services: Iterable[Service], name: str) -> list[str]:
    """Return the names of the services that call the one of this name."""
    return [service.name for service in services if name in service.calls]


def wrong(services: Iterable[Service]) -> list[str]:
    """Return a line for each call of the table that cannot be."""
    services = tuple(services)
    names = [service.name for service in services]
    return [line for service in services for line in _wrong_of(service, names)]


def _wrong_of(service: Service, names: Sequence[str]) -> Iterator[str]:
    row, calls = f"topology.py: {service.name!r}", service.calls
    if not isinstance(calls, tuple) or not all(isinstance(name, str) for name in calls):
        example = next((name for name in names if name != service.name), "orders")
        yield f"{row} has calls={calls!r}; it must be a tuple of names, such as ({example!r},)"
        return
    for name, count in Counter(calls).items():
        if name == service.name:
            yield f"{row} calls itself; take it out of its `calls`"
        elif name not in names:
            yield f"{row} calls {name!r}; there is no such service, there are {', '.join(names)}"
        if count > 1:
            yield f"{row} calls {name!r} {count} times; name it once"


def _variable(name: str) -> str:
    return f"{name.upper().replace('-', '_')}_URL"
