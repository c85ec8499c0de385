"""The service table as nginx configuration: upstreams and locations."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from textwrap import indent

from infra import calls, timeouts
from topology import Service

# What nginx.conf allows; its memory has room for all bodies of this size.
BODY = Service.max_body
# How many larger bodies the gateway takes at once for a service; it has room for them beside.
LARGE_BODIES = 32
LIMIT_LARGE_BODIES = f"limit_conn large_bodies {LARGE_BODIES};\n"
DRAINED = "/tmp/gateway/drained"  # noqa: S108  in the gateway's container, as nginx/gateway has it
# The location of a service under maintenance.
CLOSED = """\
    error_page 503 @closed;
    return 503;
"""
STREAMS = """\
    set $streams on;
    proxy_buffering off;
"""


def render(  # noqa: PLR0913  a keyword for each of the stack's options
    replicas: Mapping[Service, Sequence[str]],
    *,
    trusted_proxies: Iterable[str] = (),
    rate_limit: int = 0,
    tells_inside: bool = False,
    addresses: Mapping[str, str] | None = None,
    closed: Container[str] = (),
) -> str:
    """Return what nginx.conf includes at http level: trusted proxies, rate limit, upstreams, calls.

    `tells_inside`: whether a client may ask how its request was routed (X-Trace).
    `addresses`: of the replicas, by which callers are known; without them, any may call.
    `closed`: the services that are under maintenance.
    """
    upstreams = [group for service, names in replicas.items() for group in _groups(service, names)]
    trace = f'map "" $trace {{ default "{"$http_x_trace" if tells_inside else ""}"; }}\n'
    real_address = _real_address(tuple(trusted_proxies))
    large = _large_bodies(_with_large_bodies(replicas))
    between = _between_services(replicas, addresses, closed)
    return "\n".join([real_address, trace, _rate(rate_limit), *large, *upstreams, *between])


def render_locations(
    replicas: Mapping[Service, Sequence[str]], *, closed: Container[str] = ()
) -> str:
    """Return what nginx.conf includes at server level: the time-outs, and a location each."""
    # The named locations of proxy.conf serve all services, and inherit from the server only.
    shared = _timeouts(timeouts.longest(replicas))
    routes = [
        _location(service.prefix, service, names, closed=service.name in closed)
        for service, names in replicas.items()
        if service.prefix
    ]
    return "\n".join([shared, *routes])


def _real_address(proxies: tuple[str, ...]) -> str:
    trusted = "".join(f"    {proxy} 1;\n" for proxy in proxies)
    geo = f"geo $realip_remote_addr $from_trusted_proxy {{\n    default 0;\n{trusted}}}\n"
    if not proxies:
        return geo
    believed = "".join(f"set_real_ip_from {proxy};\n" for proxy in proxies)
    return f"{geo}{believed}real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n"


def _rate(limit: int) -> str:
    if not limit:
        return "# A client may send as many requests as it likes.\n"
    return f"""\
map $server_name $limited_client {{
    calls "";
    default $binary_remote_addr;
}}
limit_req_zone $limited_client zone=limited_clients:8m rate={limit}r/s;
limit_req zone=limited_clients burst={limit} nodelay;
limit_req_status 429;
limit_req_log_level info;
"""


def memory_of_bodies(services: Iterable[Service]) -> int:
    """Return the megabytes that the gateway needs for bodies that are larger than usual."""
    kilobytes = sum(LARGE_BODIES * s.max_body for s in _with_large_bodies(services))
    return -(-kilobytes // 1024)


def _with_large_bodies(services: Iterable[Service]) -> list[Service]:
    return [service for service in services if service.max_body > BODY]


def _large_bodies(services: Sequence[Service]) -> list[str]:
    """Limit how many bodies are in memory at once. A request without a body is not counted."""
    if not services:
        return []
    names = "".join(f'    "1 {service.name}" {service.name};\n' for service in services)
    return [
        f"""\
map $http_content_length$http_transfer_encoding $has_body {{
    "" "";
    "0" "";
    default 1;
}}
map "$has_body $service" $has_large_body {{
{names}    default "";
}}
limit_conn_zone $has_large_body zone=large_bodies:64k;
{LIMIT_LARGE_BODIES}"""
    ]


def _groups(service: Service, names: Sequence[str]) -> list[str]:
    """Return the upstream of all replicas, and for each replica an upstream of all others."""
    everyone = _upstream(service.container, service.port, names)
    if len(names) == 1:
        return [everyone]
    others = {out: [name for name in names if name != out] for out in names}
    return [
        everyone,
        *(_upstream(_without(service, out), service.port, rest) for out, rest in others.items()),
    ]


def _upstream(group: str, port: int, names: Sequence[str]) -> str:
    servers = "".join(f"    server {name}:{port} max_fails=0 resolve;\n" for name in names)
    return f"""\
upstream {group} {{
    zone {group} 1m;
{servers}    keepalive 256;
    keepalive_requests 100000;
    keepalive_timeout 1s;
}}
"""


def _between_services(
    replicas: Mapping[Service, Sequence[str]],
    addresses: Mapping[str, str] | None,
    closed: Container[str],
) -> list[str]:
    """Return the server for calls between services, with a location for each that is called."""
    called = {
        service: callers
        for service in replicas
        if (callers := calls.callers(replicas, service.name))
    }
    if not called:
        return []
    locations = [
        _location(
            f"/{service.name}/",
            service,
            replicas[service],
            only="" if addresses is None else _only(callers),
            closed=service.name in closed,
        )
        for service, callers in called.items()
    ]
    # calls.conf has limits of its own, which replace those of the http level.
    large = LIMIT_LARGE_BODIES if _with_large_bodies(replicas) else ""
    shared = f"include calls.conf;\n{large}{_timeouts(timeouts.longest(replicas))}"
    body = "\n".join([f"listen {calls.PORT} reuseport backlog=4096;\n{shared}", *locations])
    server = f"server {{\n{indent(body, '    ')}}}\n"
    return [server] if addresses is None else [_caller(replicas, addresses), server]


def _caller(replicas: Mapping[Service, Sequence[str]], addresses: Mapping[str, str]) -> str:
    known = "".join(
        f"    {addresses[name]} {service.name};\n"
        for service, names in replicas.items()
        if service.calls
        for name in names
    )
    return f'geo $realip_remote_addr $caller {{\n    default "";\n{known}}}\n'


def _only(callers: Sequence[str]) -> str:
    return f"""\
    if ($caller !~ "^({"|".join(map(re.escape, callers))})$") {{
        return 404;
    }}
"""


def _location(
    prefix: str, service: Service, names: Sequence[str], *, closed: bool, only: str = ""
) -> str:
    """Return the location of a service. `only`: what refuses callers that are not declared."""
    if closed:
        return f"location {prefix} {{\n{only}{CLOSED}}}\n"
    taken_off = re.escape(prefix.removesuffix("/"))
    # Replicas are removed from the last one on. Of several that are drained, the first wins.
    drained = "".join(
        _unless_drained(service, name, alone=len(names) == 1) for name in reversed(names)
    )
    return f"""\
location {prefix} {{
{only}\
    set $service {service.name};
    set $upstream {service.container};
{indent(_timeouts(service.timeout), "    ")}\
{STREAMS if service.streams else ""}\
{_body(service)}\
{drained}\
    rewrite "(?s)^{taken_off}(/.*)$" $1 break;
    proxy_pass http://$upstream;
}}
"""


def _body(service: Service) -> str:
    if service.max_body == BODY:
        return ""
    size = f"{service.max_body}k"
    return f"    client_max_body_size {size};\n    client_body_buffer_size {size};\n"


def _timeouts(seconds: int) -> str:
    # The third is equal to the second, so that no other replica is tried after a read time-out.
    return f"""\
proxy_send_timeout {seconds}s;
proxy_read_timeout {seconds}s;
proxy_next_upstream_timeout {seconds}s;
"""


def _unless_drained(service: Service, name: str, *, alone: bool) -> str:
    otherwise = "return 503;" if alone else f"set $upstream {_without(service, name)};"
    return f"""\
    if (-f {DRAINED}/{name}) {{
        {otherwise}
    }}
"""


def _without(service: Service, name: str) -> str:
    return f"{service.container}-without-{name}"
