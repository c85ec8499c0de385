"""An update does exactly what its preview has shown."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

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


def tags(deployment: Deployment) -> set[str]:
    # images.list() would inspect each image, which another test run may have removed by then.
    every = (tag for i in deployment.engine.api.images() for tag in i["RepoTags"] or ())
    return {tag for tag in every if tag.startswith(deployment.stack)}


def images(deployment: Deployment) -> dict[str, str]:
    """Of what images the containers are: tag -> ID."""
    containers = [deployment.container(name) for name in ALL]
    return {one.labels["microservices.image"]: one.attrs["Image"] for one in containers}


def no_change(deployment: Deployment, *more: str) -> None:
    deployment.operate("preview", "--expect-no-changes", *more)


def nothing_is_left_over(deployment: Deployment, before: Mapping[str, str]) -> None:
    left = deployment.left()
    services = list((deployment.project / "services").glob("*/app.py"))
    assert (len(left["containers"]), len(left["networks"])) == (len(services) + 1, 1)
    containers = (deployment.engine.containers.get(name) for name in left["containers"])
    used = {one.labels["microservices.image"] for one in containers}
    assert {tag for tag in tags(deployment) if "-base/" not in tag} == used
    untagged = {i["Id"] for i in deployment.engine.api.images(filters={"dangling": True})}
    assert not untagged & set(before.values())


def check(edited: Deployment, edits: Sequence[Edit]) -> None:
    """It is shown and done, and then there is nothing to do."""
    expected = {resource: step for edit in edits for resource, step in edit.steps.items()}
    wanted = {edit.what: edit.shows for edit in edits}
    earlier = {edit.what: edit.look(edited) for edit in edits}
    before = images(edited)
    for edit in edits:
        edit.apply(edited)
    shown, done = previewed(edited), updated(edited)
    later = {edit.what: edit.look(edited) for edit in edits}
    assert shown == expected
    assert done == expected
    assert later == wanted
    assert not [what for what in wanted if earlier[what] == wanted[what]]
    no_change(edited)
    nothing_is_left_over(edited, before)


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
