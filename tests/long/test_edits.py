"""An update does exactly what its preview has shown."""

from collections.abc import Iterator, Sequence

import pytest

from tests.support.applied import check, images, no_change, nothing_is_left_over
from tests.support.deployment import Deployment
from tests.support.edits import (
    ALL,
    DRIFTS,
    SINGLE_EDITS,
    TABLE_EDITS,
    UNSEEN,
    Drift,
    Edit,
    replaced,
    rounds,
)
from tests.support.shared import Shared
from tests.support.steps import previewed, updated

pytestmark = pytest.mark.xdist_group("edits")


@pytest.fixture(scope="module")
def _edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    one = Shared(lambda: tmp_path_factory.mktemp("edited"), lambda _: None)
    yield one
    one.remove()


@pytest.fixture
def edited(_edited: Shared) -> Deployment:
    """One deployment for all edits, each on top of those before."""
    return _edited.get()


def names(edits: Sequence[Edit | Drift]) -> str:
    return ", ".join(edit.what for edit in edits)


@pytest.mark.parametrize("edits", rounds(SINGLE_EDITS), ids=names)
def test_an_edit(edited: Deployment, edits: list[Edit]) -> None:
    check(edited, edits)


def test_the_life_of_a_row(edited: Deployment) -> None:
    for edit in TABLE_EDITS:
        check(edited, [edit])


@pytest.mark.parametrize("what", UNSEEN)
def test_what_changes_nothing_shows_nothing(edited: Deployment, what: str) -> None:
    UNSEEN[what](edited)
    no_change(edited)


def test_an_update_that_shows_nothing_does_nothing(edited: Deployment) -> None:
    before = [edited.container(name).id for name in ALL]
    assert updated(edited) == {}
    assert [edited.container(name).id for name in ALL] == before


@pytest.mark.parametrize("drifts", rounds(DRIFTS), ids=names)
def test_drift_is_shown_and_mended(edited: Deployment, drifts: list[Drift]) -> None:
    before = images(edited)
    off_network = {name: edited.address(name) for drift in drifts for name in drift.off_network}
    for drift in drifts:
        drift.apply(edited)
    expected = {resource: step for drift in drifts for resource, step in drift.steps.items()}
    shown, done = previewed(edited, "--refresh"), updated(edited, "--refresh")
    for name, address in off_network.items():
        if edited.address(name) != address:
            expected |= replaced(name, "networksAdvanced", "ports")
    assert shown == expected
    assert done == expected
    assert images(edited) == before
    for name in ALL:
        edited.wait_healthy(name)
    no_change(edited, "--refresh")
    nothing_is_left_over(edited, before)
