"""The table as nginx configuration: golden text."""

from infra import nginx
from topology import SERVICES, Service

ONE = Service(name="third", container="router_three", prefix="/api/v3/", port=9000, host_port=8082)
ONE_REPLICAS = ["router_three", "router_three_2"]


def test_an_upstream_follows_a_name_and_keeps_connections() -> None:
    assert nginx.render({ONE: ONE_REPLICAS}) == (
        "# No proxy stands before the gateway: the peer is the client.\n"
        "\n"
        'map "" $trace { default ""; }\n'
        "\n"
        "# A client may send as many requests as it likes.\n"
        "\n"
        "upstream router_three {\n"
        "    zone router_three 1m;\n"
        "    server router_three:9000 max_fails=0 resolve;\n"
        "    server router_three_2:9000 max_fails=0 resolve;\n"
        "    keepalive 256;\n"
        "    keepalive_requests 100000;\n"
        "}\n"
    )


def test_a_location_takes_the_prefix_off_and_names_the_service() -> None:
    assert nginx.render_locations([ONE]) == (
        "location /api/v3/ {\n"
        "    set $service third;\n"
        "    include service_errors.conf;\n"
        "    proxy_pass http://router_three/;\n"
        "}\n"
        "\n"
        "location @again_third {\n"
        "    recursive_error_pages on;\n"
        "    error_page 421 502 = @bad_gateway;\n"
        "    error_page 504 = @gateway_timeout;\n"
        "    rewrite ^/api/v3/(.*)$ /$1 break;\n"
        "    proxy_pass http://router_three;\n"
        "}\n"
    )


def test_the_word_of_a_trusted_proxy_counts() -> None:
    assert nginx.render({}, trusted_proxies=["10.0.0.0/8", "192.0.2.1/32"]) == (
        "set_real_ip_from 10.0.0.0/8;\n"
        "set_real_ip_from 192.0.2.1/32;\n"
        "real_ip_header X-Forwarded-For;\n"
        "real_ip_recursive on;\n"
        "\n"
        'map "" $trace { default ""; }\n'
        "\n"
        "# A client may send as many requests as it likes.\n"
    )


def test_a_client_over_its_rate_is_refused_by_a_number_of_the_gateways_own() -> None:
    assert nginx.render({}, rate_limit=50) == (
        "# No proxy stands before the gateway: the peer is the client.\n"
        "\n"
        'map "" $trace { default ""; }\n'
        "\n"
        "limit_req_zone $binary_remote_addr zone=clients:8m rate=50r/s;\n"
        "limit_req zone=clients burst=50 nodelay;\n"
        "limit_req_status 489;\n"
        "limit_req_log_level info;\n"
    )


def test_every_service_of_the_table_has_both() -> None:
    for service in SERVICES:
        assert f"upstream {service.container} " in nginx.render({service: [service.container]})
        assert f"location {service.prefix} " in nginx.render_locations(SERVICES)


def test_who_may_see_the_inside_is_told_how_a_request_went() -> None:
    assert 'map "" $trace { default "$http_x_trace"; }' in nginx.render({}, tells_inside=True)
