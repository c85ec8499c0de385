"""Without an engine a preview shows less, and an update is refused."""

import pulumi
import pytest

from infra import admission, preflight
from infra.admission import Refused
from infra.engine import EngineError
from tests.support.program import Recorder


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def take_inventory(_: object) -> None:
        raise EngineError("no Docker engine answers")

    monkeypatch.setattr(preflight, "take_inventory", take_inventory)


def mock(*, preview: bool) -> None:
    pulumi.runtime.set_mocks(Recorder(), project="microservices", stack="unit", preview=preview)


def test_a_preview_goes_on() -> None:
    mock(preview=True)
    assert admission._inventory({}) is None  # noqa: SLF001  no other way to no engine


def test_an_update_is_refused_before_anything_is_changed() -> None:
    mock(preview=False)
    with pytest.raises(Refused, match="docker:host: nothing is changed, no Docker engine"):
        admission._inventory({})  # noqa: SLF001  as above
