"""Host names in the gateway's configuration."""

from dataclasses import replace

from infra import hosts, nginx, table
from topology import SERVICES

ONE, TWO = SERVICES
API = replace(ONE, host="api.shop.test", prefix="/", calls=(), chain="")
ROWS = {API: ("router_one",), TWO: ("router_two",)}


def test_without_https_no_host_is_known_and_none_is_kept_to_it() -> None:
    assert hosts.render({TWO: ("router_two",)}) == (
        'map $host $is_known_host {\n    hostnames;\n    default "";\n}\n\n'
        'map "" $https_suffix { default ""; }\n\n'
        'map $scheme $strict_transport { https ""; default ""; }\n\n'
        'map "" $page_is_closed { default ""; }\n'
    )
    assert hosts.render_locations({TWO: ("router_two",)}) == nginx.render_locations(
        {TWO: ("router_two",)}
    )


def test_with_https_its_names_are_known() -> None:
    said = hosts.render({}, names=["shop.test", "*.shop.test"], https_suffix=":8443", strict=True)
    assert "    shop.test 1;\n    *.shop.test 1;\n" in said
    assert '{ default ":8443"; }' in said
    assert '{ https "max-age=63072000"; default ""; }' in said


def test_a_row_with_a_host_has_a_server_and_no_place_in_the_others() -> None:
    (server,) = hosts.render(ROWS).split("server {")[1:]
    assert server.startswith("\n    server_name api.shop.test;\n    include host.conf;\n")
    assert server.count("location /") == 1
    assert "set $service microservice1;" in server
    page = hosts.render_locations(ROWS, domain=["shop.test", "www.shop.test"])
    assert page.startswith("server_name shop.test www.shop.test;\n\n")
    assert "microservice1" not in page
    assert "microservice2" in page


def test_what_no_row_of_a_host_takes_is_not_found() -> None:
    below = {replace(API, prefix="/v1/"): ("router_one",)}
    assert hosts.render(below).count("    location / {\n        return 404;") == 1


def test_two_hosts_may_have_one_prefix_and_the_page_keeps_its_own() -> None:
    other = replace(API, name="other", container="other", host="other.shop.test")
    assert table.wrong([API, other]) == []
    (line,) = table.wrong([replace(API, host="")])
    assert line == (
        "topology.py: 'microservice1' has prefix='/', where the page is; "
        "take another, or give the row a host"
    )
    (line,) = table.wrong([replace(API, host="shop_1")])
    assert "has host='shop_1'; it must be a host name, such as 'api.example.com'" in line


def test_a_closed_service_answers_503_on_every_way_and_the_page_apart() -> None:
    closed = ["microservice1"]
    gone = "{\n    error_page 503 @closed;\n    return 503;\n}\n"
    rows = {ONE: ("router_one",), TWO: ("router_two",)}
    assert f"location /api/v1/ {gone}" in hosts.render_locations(rows, closed=closed)
    assert "microservice2" in hosts.render_locations(rows, closed=closed)
    assert f"location / {gone}".replace("\n", "\n    ").rstrip() in hosts.render(
        {API: ("router_one",)}, closed=closed
    )
    assert 'page_is_closed { default "1"; }' in hosts.render(rows, closed=["frontend"])
    called = nginx.render(rows, closed=["microservice2"])
    assert f"    location /microservice2/ {gone}".replace("\n", "\n    ").rstrip() in called
