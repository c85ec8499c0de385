"""Host names in the gateway's configuration: which it serves, and the servers of rows with one."""

from collections.abc import Container, Iterable, Mapping, Sequence
from textwrap import indent

from infra import nginx
from topology import GATEWAY, Service

STRICT = 2 * 365 * 24 * 60 * 60  # seconds that browsers use HTTPS only, after an answer by it


def render(
    replicas: Mapping[Service, Sequence[str]],
    *,
    names: Iterable[str] = (),
    https_suffix: str = "",
    strict: bool = False,
    closed: Container[str] = (),
) -> str:
    """Return what nginx.conf includes at http level: the host names, and a server for each row's.

    `names`: all that the certificate has. `https_suffix`: the port of HTTPS in an address.
    `closed`: the services that are under maintenance, and `frontend` for the page.
    """
    known = "".join(f"    {name} 1;\n" for name in names)
    seconds = f'"max-age={STRICT}"' if strict else '""'
    hosts = dict.fromkeys(row.host for row in replicas if row.host)
    return "\n".join(
        [
            f'map $host $is_known_host {{\n    hostnames;\n    default "";\n{known}}}\n',
            f'map "" $https_suffix {{ default "{https_suffix}"; }}\n',
            f'map $scheme $strict_transport {{ https {seconds}; default ""; }}\n',
            f'map "" $page_is_closed {{ default "{"1" if GATEWAY in closed else ""}"; }}\n',
            *(_server(host, replicas, closed) for host in hosts),
        ]
    )


def render_locations(
    replicas: Mapping[Service, Sequence[str]],
    *,
    domain: Sequence[str] = (),
    closed: Container[str] = (),
) -> str:
    """Return what nginx.conf includes in its own server: its names, and the rows without a host."""
    names = f"server_name {' '.join(domain)};\n\n" if domain else ""
    return names + nginx.render_locations(_of_host("", replicas), closed=closed)


def _server(host: str, replicas: Mapping[Service, Sequence[str]], closed: Container[str]) -> str:
    routes = _of_host(host, replicas)
    body = f"server_name {host};\ninclude host.conf;\n"
    body += nginx.render_locations(routes, closed=closed)
    if not any(row.prefix == "/" for row in routes):
        body += "\nlocation / {\n    return 404;\n}\n"
    return f"server {{\n{indent(body, '    ')}}}\n"


def _of_host(host: str, replicas: Mapping[Service, Sequence[str]]) -> dict[Service, Sequence[str]]:
    return {row: names for row, names in replicas.items() if row.host == host}
