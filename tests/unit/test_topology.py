"""The service table and the folders match."""

from dataclasses import replace
from pathlib import Path

from infra.admission import without_folder
from topology import SERVICES

FOLDER = Path(__file__).resolve().parents[2] / "services"


def test_a_row_and_a_folder_a_service() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/app.py")}
    assert folders == {service.name for service in SERVICES}


def test_nothing_is_used_twice() -> None:
    for column in ("name", "container", "prefix", "host_port"):
        values = [getattr(service, column) for service in SERVICES]
        assert len(set(values)) == len(values), column


def test_prefixes_are_whole_path_segments() -> None:
    assert all(s.prefix.startswith("/") and s.prefix.endswith("/") for s in SERVICES)


def test_a_button_calls_a_path() -> None:
    assert all(s.call.startswith("/") for s in SERVICES)


def test_a_row_without_a_folder_is_an_error_that_names_it() -> None:
    assert without_folder(SERVICES) == []
    (line,) = without_folder([replace(SERVICES[0], name="orders")])
    assert line.startswith("topology.py: 'orders' has no folder services/orders")
