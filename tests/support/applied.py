"""Check that an update does exactly what its preview has shown."""

from collections.abc import Mapping, Sequence

from tests.support.deployment import Deployment
from tests.support.edits import ALL, Edit
from tests.support.priced import costs, in_development
from tests.support.steps import combined, shown, updated
from tools.price.effects import price


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
    preview, done = shown(edited), updated(edited)
    later = {edit.what: edit.look(edited) for edit in edits}
    assert combined(preview) == expected
    assert costs(price(preview)) == costs(in_development(expected))
    assert done == expected
    assert later == wanted
    assert not [what for what in wanted if earlier[what] == wanted[what]]
    no_change(edited)
    nothing_is_left_over(edited, before)
