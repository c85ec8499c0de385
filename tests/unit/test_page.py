"""The service table as JSON for the page, and the page's size."""

import json
from pathlib import Path

from infra import page
from topology import SERVICES, Service

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
ONE = Service(
    name="third", container="router_three", prefix="/api/v3/", port=9000, host_port=8082, call="/x"
)


def test_a_row_says_what_is_drawn_and_called_and_nothing_else() -> None:
    assert json.loads(page.render({ONE: ["router_three"]}, network="deploy")) == {
        "network": "deploy",
        "gateway": {"container": "frontend", "port": 80},
        "services": [
            {
                "name": "third",
                "container": "router_three",
                "prefix": "/api/v3/",
                "port": 9000,
                "call": "/x",
                "timeout": 5,
                "calls": [],
                "chain": "",
                "replicas": ["router_three"],
            }
        ],
    }


def test_the_table_gives_the_buttons_their_paths() -> None:
    services = json.loads(page.render({s: [s.container] for s in SERVICES}, network="deploy"))[
        "services"
    ]
    paths = [service["prefix"] + service["call"].removeprefix("/") for service in services]
    assert paths[:2] == ["/api/v1/say_hello", "/api/v2/who_am_i"]


def test_the_page_is_small_and_takes_nothing_from_elsewhere() -> None:
    files = [path for path in FRONTEND.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40_000
    for path in files:
        text = path.read_text().replace("http://www.w3.org/", "")
        assert "http:" not in text, path.name
        assert "https:" not in text, path.name
