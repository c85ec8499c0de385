"""The nginx configuration that is generated from the service table."""

import re
from dataclasses import replace
from pathlib import Path

from infra import nginx
from topology import SERVICES, Service

ROOT = Path(__file__).resolve().parents[2]
ONE = Service(name="third", container="router_three", prefix="/api/v3/", port=9000, host_port=8082)
TWO_REPLICAS = {ONE: ["router_three", "router_three_2"]}
NO_PROXY = "geo $realip_remote_addr $from_trusted_proxy {\n    default 0;\n}\n\n"
NO_LIMIT = "# A client may send as many requests as it likes.\n"


def upstream(group: str, *names: str) -> str:
    servers = "".join(f"    server {name}:9000 max_fails=0 resolve;\n" for name in names)
    return (
        f"upstream {group} {{\n"
        f"    zone {group} 1m;\n"
        f"{servers}"
        "    keepalive 256;\n"
        "    keepalive_requests 100000;\n"
        "    keepalive_timeout 1s;\n"
        "}\n"
    )


def test_an_upstream_of_all_replicas_and_one_without_each() -> None:
    assert nginx.render(TWO_REPLICAS) == (
        NO_PROXY
        + 'map "" $trace { default ""; }\n\n'
        + NO_LIMIT
        + "\n"
        + upstream("router_three", "router_three", "router_three_2")
        + "\n"
        + upstream("router_three-without-router_three", "router_three_2")
        + "\n"
        + upstream("router_three-without-router_three_2", "router_three")
    )


def test_a_single_replica_has_one_upstream() -> None:
    assert nginx.render({ONE: ["router_three"]}).endswith(upstream("router_three", "router_three"))


def waits(seconds: int, indent: str = "") -> str:
    names = ("proxy_send_timeout", "proxy_read_timeout", "proxy_next_upstream_timeout")
    return "".join(f"{indent}{name} {seconds}s;\n" for name in names)


def test_a_location_leaves_out_a_drained_replica_and_takes_the_prefix_off() -> None:
    assert nginx.render_locations(TWO_REPLICAS) == (
        waits(5) + "\nlocation /api/v3/ {\n"
        "    set $service third;\n"
        "    set $upstream router_three;\n" + waits(5, "    ") + "    if"
        " (-f /tmp/gateway/drained/router_three_2) {\n"
        "        set $upstream router_three-without-router_three_2;\n"
        "    }\n"
        "    if (-f /tmp/gateway/drained/router_three) {\n"
        "        set $upstream router_three-without-router_three;\n"
        "    }\n"
        '    rewrite "(?s)^/api/v3(/.*)$" $1 break;\n'
        "    proxy_pass http://$upstream;\n"
        "}\n"
    )


def test_each_service_has_its_own_time_outs_and_what_they_share_the_longest() -> None:
    slow = replace(ONE, name="slow", container="slow", prefix="/api/slow/", timeout=30)
    rendered = nginx.render_locations({ONE: ["router_three"], slow: ["slow"]})
    shared, one, another = rendered.split("\nlocation ")
    assert shared == waits(30)
    assert waits(5, "    ") in one
    assert waits(30, "    ") in another
    assert rendered.count("timeout") == 9


def test_a_service_with_streams_differs_by_two_lines() -> None:
    streams = replace(ONE, streams=30)
    before = nginx.render_locations({ONE: ["router_three"]}).splitlines()
    after = nginx.render_locations({streams: ["router_three"]}).splitlines()
    assert [line for line in after if line not in before] == [
        "    set $streams on;",
        "    proxy_buffering off;",
    ]
    assert [line for line in after if line in before] == before
    assert nginx.render({streams: ["one", "two"]}) == nginx.render({ONE: ["one", "two"]})


def test_no_time_out_of_an_answer_is_outside_of_the_table() -> None:
    """Those of proxy.conf are for a health check, and for a replica that may hang."""
    text = (ROOT / "nginx" / "proxy.conf").read_text()
    named = re.findall(r"proxy_(?:send|read|next_upstream)_timeout (.+);", text)
    assert named == ["1s", "1s"]


CALLER = replace(ONE, name="caller", container="caller", prefix="/caller/", calls=("third",))
CALLS = {CALLER: ["caller", "caller_2"], ONE: ["router_three"]}
ADDRESSES = {"caller": "10.0.0.8", "caller_2": "10.0.0.9", "router_three": "10.0.0.10"}


def test_a_call_has_a_route_for_its_caller_which_is_known_by_its_address() -> None:
    assert nginx.render(CALLS, addresses=ADDRESSES).endswith(
        "\ngeo $realip_remote_addr $caller {\n"
        '    default "";\n'
        "    10.0.0.8 caller;\n"
        "    10.0.0.9 caller;\n"
        "}\n"
        "\n"
        "server {\n"
        "    listen 8000 reuseport backlog=4096;\n"
        "    include calls.conf;\n" + waits(5, "    ") + "\n"
        "    location /third/ {\n"
        '        if ($caller !~ "^(caller)$") {\n'
        "            return 404;\n"
        "        }\n"
        "        set $service third;\n"
        "        set $upstream router_three;\n" + waits(5, "        ") + "        if"
        " (-f /tmp/gateway/drained/router_three) {\n"
        "            return 503;\n"
        "        }\n"
        '        rewrite "(?s)^/third(/.*)$" $1 break;\n'
        "        proxy_pass http://$upstream;\n"
        "    }\n"
        "}\n"
    )


def test_without_fixed_addresses_whoever_asks_has_the_routes_of_all_calls() -> None:
    rendered = nginx.render(CALLS)
    assert "location /third/ {\n        set $service third;" in rendered
    assert "$caller" not in rendered
    assert "location /caller/" not in rendered


def test_a_called_service_keeps_its_own_time_out() -> None:
    slow = replace(ONE, timeout=30)
    rendered = nginx.render({CALLER: ["caller"], slow: ["router_three"]}, addresses=ADDRESSES)
    assert waits(30, "        ") in rendered


def test_large_bodies_of_calls_are_limited_too() -> None:
    large = replace(ONE, max_body=1024)
    rendered = nginx.render({CALLER: ["caller"], large: ["router_three"]}, addresses=ADDRESSES)
    _, server = rendered.split("\nserver {\n")
    assert "    limit_conn large_bodies 32;\n" in server
    assert "        client_max_body_size 1024k;\n" in server


def test_without_calls_there_is_no_listener_for_them() -> None:
    assert "server {" not in nginx.render({ONE: ["router_three"]}, addresses=ADDRESSES)


def test_a_service_whose_only_replica_is_drained_is_unavailable() -> None:
    assert (
        "    if (-f /tmp/gateway/drained/router_three) {\n        return 503;\n    }\n"
    ) in nginx.render_locations({ONE: ["router_three"]})


def test_the_script_writes_the_files_that_nginx_looks_for() -> None:
    script = (ROOT / "nginx" / "gateway").read_text()
    assert "DRAINED=/tmp/gateway/drained " in script
    assert nginx.DRAINED == "/tmp/gateway/drained"


def test_the_word_of_a_trusted_proxy_counts() -> None:
    assert nginx.render({}, trusted_proxies=["10.0.0.0/8", "192.0.2.1/32"]) == (
        "geo $realip_remote_addr $from_trusted_proxy {\n"
        "    default 0;\n"
        "    10.0.0.0/8 1;\n"
        "    192.0.2.1/32 1;\n"
        "}\n"
        "set_real_ip_from 10.0.0.0/8;\n"
        "set_real_ip_from 192.0.2.1/32;\n"
        "real_ip_header X-Forwarded-For;\n"
        "real_ip_recursive on;\n"
        "\n"
        'map "" $trace { default ""; }\n\n' + NO_LIMIT
    )


def test_a_client_over_its_rate_is_refused() -> None:
    assert nginx.render({}, rate_limit=50) == (
        NO_PROXY + 'map "" $trace { default ""; }\n\n'
        "map $server_name $limited_client {\n"
        '    calls "";\n'
        "    default $binary_remote_addr;\n"
        "}\n"
        "limit_req_zone $limited_client zone=limited_clients:8m rate=50r/s;\n"
        "limit_req zone=limited_clients burst=50 nodelay;\n"
        "limit_req_status 429;\n"
        "limit_req_log_level info;\n"
    )


def test_every_service_of_the_table_has_both() -> None:
    replicas = {service: [service.container] for service in SERVICES}
    for service in SERVICES:
        assert f"upstream {service.container} " in nginx.render(replicas)
        assert f"location {service.prefix} " in nginx.render_locations(replicas)


def test_who_may_see_the_inside_is_told_how_a_request_went() -> None:
    assert 'map "" $trace { default "$http_x_trace"; }' in nginx.render({}, tells_inside=True)


def test_a_row_with_larger_bodies_has_room_for_some_and_the_others_have_theirs() -> None:
    large = replace(ONE, max_body=1000)
    other = SERVICES[0]
    one, two = nginx.render_locations({large: ["one"], other: ["two"]}).split("location ")[1:]
    assert "    client_max_body_size 1000k;\n    client_body_buffer_size 1000k;\n" in one
    assert "body" not in two
    rendered = nginx.render({large: ["one"], other: ["two"]})
    assert f'    "1 {ONE.name}" {ONE.name};\n    default "";\n' in rendered
    assert "limit_conn large_bodies 32;" in rendered
    assert nginx.memory_of_bodies([large, ONE]) == 32  # 31.25
    assert nginx.memory_of_bodies([ONE, ONE]) == 0
    small = nginx.render_locations({replace(ONE, max_body=1): ["one"]})
    assert "client_max_body_size 1k;" in small


def test_the_usual_size_of_a_body_is_that_of_nginx_conf() -> None:
    conf = (ROOT / "nginx" / "nginx.conf").read_text()
    assert f"client_max_body_size {nginx.BODY}k;" in conf
    assert f"client_body_buffer_size {nginx.BODY}k;" in conf
