"""Refuses rows of the service table that cannot work."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra import calls, keys, sources
from infra.keys import Rule
from topology import Service

RULES: Mapping[str, Rule[Any, Any]] = {
    "timeout": keys.TIMEOUT,
    "streams": keys.STREAMS,
    "env": keys.ENV,
    "secrets": keys.NAMES,
    "volumes": keys.VOLUMES,
    "egress": keys.FLAG,
    "memory": keys.MEMORY,
    "cpus": keys.CPUS,
    "processes": keys.PROCESSES,
    "max_body": keys.BODY,
    "container": keys.NAME,
    "port": keys.PORT,
    "call": keys.PATH,
    "prefix": keys.ROUTE,
    "host": keys.HOST,
    "host_port": keys.HOST_PORT,
    "health": keys.COMMAND,
    "depends_on": keys.NAMES,
    "release_command": keys.COMMAND,
}
# The folder of the services' image that its user may write to, where a volume is mounted.
DATA = "/data"


def wrong(services: Iterable[Service]) -> list[str]:
    """Return a line for each field that cannot work, with what would be right."""
    services = tuple(services)
    return [
        *calls.wrong(services),
        *_on_the_page(services),
        *_doubled(services),
        *_order(services),
        *(line for service in services for line in [*_fields(service)] or _folders(service)),
    ]


def _fields(service: Service) -> Iterator[str]:
    for name, rule in RULES.items():
        value = getattr(service, name)
        try:
            fits = rule.convert(value) == value  # a row writes no number as text
        except (ValueError, TypeError):
            fits = False
        if not fits:
            yield f"topology.py: {service.name!r} has {name}={value!r}; it must be {rule.right}"


def _on_the_page(services: Iterable[Service]) -> Iterator[str]:
    for service in services:
        if service.prefix == "/" and not service.host:
            yield (
                f"topology.py: {service.name!r} has prefix='/', where the page is; "
                "take another, or give the row a host"
            )


def _doubled(services: Iterable[Service]) -> Iterator[str]:
    first: dict[tuple[str, str, str], str] = {}
    for service in services:
        for field in ("name", "container", "prefix"):
            value = getattr(service, field)
            key = (service.host if field == "prefix" else "", field, value)
            if value and key in first:
                yield (
                    f"topology.py: {service.name!r} has {field}={value!r}, "
                    f"which {first[key]!r} has; each row must have one of its own"
                )
            first.setdefault(key, service.name)


def _order(services: Iterable[Service]) -> Iterator[str]:
    above: list[str] = []
    for service in services:
        for name in service.depends_on if isinstance(service.depends_on, tuple) else ():
            if name not in above:
                yield (
                    f"topology.py: {service.name!r} depends on {name!r}, which is no row above it; "
                    f"above it {'are ' + ', '.join(above) if above else 'is none'}"
                )
        above.append(service.name)


def _folders(service: Service) -> Iterator[str]:
    if sources.has_dockerfile(service.name):
        return
    for name, folder in service.volumes.items():
        if folder != DATA:
            yield (
                f"topology.py: {service.name!r} has volumes={{{name!r}: {folder!r}}}; "
                f"its image has one folder for a volume, {DATA!r}, unless it has its own Dockerfile"
            )
