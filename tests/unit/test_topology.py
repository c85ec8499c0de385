"""The service table and the folders match."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra import timeouts
from infra.admission import Refused, without_folder
from tests.support.program import declare
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


@pytest.mark.parametrize("timeout", [0, -1, 601, 2.5, "5", True, None])
def test_a_time_out_that_cannot_be_is_an_error_that_names_row_and_field(timeout: object) -> None:
    assert timeouts.wrong(SERVICES) == []
    assert timeouts.wrong([replace(SERVICES[0], timeout=n) for n in (1, 600)]) == []
    (line,) = timeouts.wrong([*SERVICES, replace(SERVICES[0], name="orders", timeout=timeout)])  # type: ignore[arg-type]
    assert line == (
        f"topology.py: 'orders' has timeout={timeout!r}; "
        "it must be a whole number of seconds from 1 to 600"
    )


def test_the_program_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topology.SERVICES", (replace(SERVICES[0], timeout=0), *SERVICES[1:]))
    with pytest.raises(Refused, match="'microservice1' has timeout=0"):
        declare()
