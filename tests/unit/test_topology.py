"""The service table and the folders match."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra import calls, table
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
    assert all(s.prefix.startswith("/") and s.prefix.endswith("/") for s in SERVICES if s.prefix)


def test_a_button_calls_a_path() -> None:
    assert all(s.call.startswith("/") for s in SERVICES)
    assert all(s.chain.startswith("/") for s in SERVICES if s.chain)


def test_a_name_on_the_network_leads_to_one_service() -> None:
    """Both the service's and the container's name do."""
    names = [name for service in SERVICES for name in {service.name, service.container}]
    assert len(set(names)) == len(names)


def test_a_row_without_a_folder_is_an_error_that_names_it() -> None:
    assert without_folder(SERVICES) == []
    (line,) = without_folder([replace(SERVICES[0], name="orders")])
    assert line.startswith("topology.py: 'orders' has no folder services/orders")


@pytest.mark.parametrize("timeout", [0, -1, 601, 2.5, "5", True, None])
def test_a_time_out_that_cannot_be_is_an_error_that_names_row_and_field(timeout: object) -> None:
    assert table.wrong(SERVICES) == []
    for right in (1, 600):
        assert table.wrong([SERVICES[0], replace(SERVICES[1], timeout=right)]) == []
    (line,) = table.wrong([replace(SERVICES[0], timeout=timeout), SERVICES[1]])  # type: ignore[arg-type]
    assert line == (
        f"topology.py: 'microservice1' has timeout={timeout!r}; "
        "it must be a whole number of seconds from 1 to 600"
    )


@pytest.mark.parametrize(
    ("called", "said"),
    [
        (("nobody",), "calls 'nobody'; there is no such service, there are microservice1, "),
        (("orders",), "calls itself; take it out of its `calls`"),
        (("microservice2",) * 2, "calls 'microservice2' 2 times; name it once"),
        ("microservice2", "has calls='microservice2'; it must be a tuple of names, such as ("),
        (["microservice2"], "has calls=['microservice2']; it must be a tuple of names, such as ("),
        ((2,), "has calls=(2,); it must be a tuple of names, such as ("),
        (None, "has calls=None; it must be a tuple of names, such as ("),
    ],
)
def test_a_call_that_cannot_be_is_an_error_that_names_row_and_call(
    called: object, said: str
) -> None:
    orders = replace(SERVICES[0], name="orders", calls=called)  # type: ignore[arg-type]
    (line,) = calls.wrong([*SERVICES, orders])
    assert line.startswith(f"topology.py: 'orders' {said}")


def test_two_services_may_call_each_other() -> None:
    """A service is healthy whether or not those that it calls are."""
    both = [replace(SERVICES[0], calls=("other",)), replace(SERVICES[0], name="other")]
    assert calls.wrong([both[0], replace(both[1], calls=(both[0].name,))]) == []


def test_the_program_refuses_wrong_rows_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (replace(SERVICES[0], calls=["nobody"]), replace(SERVICES[1], calls=("nobody",)))  # type: ignore[arg-type]
    monkeypatch.setattr("topology.SERVICES", (*rows, *SERVICES[2:]))
    with pytest.raises(Refused) as refused:
        declare()
    assert len(refused.value.lines) == 2


def test_the_program_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topology.SERVICES", (replace(SERVICES[0], timeout=0), *SERVICES[1:]))
    with pytest.raises(Refused, match="'microservice1' has timeout=0"):
        declare()
