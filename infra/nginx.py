"""The service table as nginx configuration: an upstream and a location a service."""

from collections.abc import Iterable, Mapping, Sequence

from topology import Service


def render(
    replicas: Mapping[Service, Sequence[str]],
    *,
    trusted_proxies: Iterable[str] = (),
    rate_limit: int = 0,
    tells_inside: bool = False,
) -> str:
    """What nginx.conf includes at http level: proxies believed, the clients' rate, upstreams.

    A client that asks how its request went is told so only where it may see the inside.
    """
    upstreams = [_upstream(service, names) for service, names in replicas.items()]
    trace = f'map "" $trace {{ default "{"$http_x_trace" if tells_inside else ""}"; }}\n'
    real_address = _real_address(tuple(trusted_proxies))
    return "\n".join([real_address, trace, _rate(rate_limit), *upstreams])


def render_locations(services: Iterable[Service]) -> str:
    return "\n".join(_location(service) for service in services)


def _real_address(proxies: tuple[str, ...]) -> str:
    if not proxies:
        return "# No proxy stands before the gateway: the peer is the client.\n"
    trusted = "".join(f"set_real_ip_from {proxy};\n" for proxy in proxies)
    return f"{trusted}real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n"


def _rate(limit: int) -> str:
    if not limit:
        return "# A client may send as many requests as it likes.\n"
    return f"""\
limit_req_zone $binary_remote_addr zone=clients:8m rate={limit}r/s;
limit_req zone=clients burst={limit} nodelay;
limit_req_status 489;
limit_req_log_level info;
"""


def _upstream(service: Service, names: Sequence[str]) -> str:
    servers = "".join(f"    server {name}:{service.port} max_fails=0 resolve;\n" for name in names)
    return f"""\
upstream {service.container} {{
    zone {service.container} 1m;
{servers}    keepalive 256;
    keepalive_requests 100000;
}}
"""


def _location(service: Service) -> str:
    return f"""\
location {service.prefix} {{
    set $service {service.name};
    include service_errors.conf;
    proxy_pass http://{service.container}/;
}}

location @again_{service.name} {{
    recursive_error_pages on;
    error_page 421 502 = @bad_gateway;
    error_page 504 = @gateway_timeout;
    rewrite ^{service.prefix}(.*)$ /$1 break;
    proxy_pass http://{service.container};
}}
"""
