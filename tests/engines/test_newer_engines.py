"""The core on newer engines with the containerd image store. Run in this order on each."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.support import base
from tests.support.applied import check, images
from tests.support.contract import CASES, ENVELOPE, ask
from tests.support.deployment import Deployment
from tests.support.edits import SINGLE_EDITS
from tests.support.load import load
from tests.support.newer_engines import Reachable, UnavailableError, installed, wanted
from tests.support.notes import note
from tests.support.rig import Node, Rig
from tests.support.updates import (
    REQUESTS_PER_SECOND,
    assert_nothing_lost,
    check_a_bad_version,
    check_a_failed_build,
    edit_code,
    edit_gateway,
    ids,
    mixed,
    page,
    replaced,
    wait_relieved,
)

pytestmark = pytest.mark.xdist_group("rig")

EDITS = ("memory", "service's code")  # updates a container in place; replaces image and container

REPLACED = ("microservice1", "nginx")  # by a roll-back to the first release


@pytest.fixture(scope="module", params=wanted())
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def node(version: str) -> Iterator[Node]:
    try:
        engine = installed(version)
    except UnavailableError as error:
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patch, Rig(1, engine, has_registry=False) as rig:
        (one,) = rig.nodes
        rig.load(one, *base.both())
        patch.setenv("DOCKER_HOST", one.socket)
        yield one


@pytest.fixture(scope="module")
def development(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Reachable(node, tmp_path_factory.mktemp("development")) as one:
        one.environment["BUILDX_BUILDER"] = "nowhere"  # the selected builder is not used
        one.up()
        yield one


@pytest.fixture(scope="module")
def served(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("production")
    with Reachable(node, folder, mode="production", replicas="2") as one:
        one.up()
        yield one


def assert_nothing_is_left(deployment: Deployment, node: Node) -> None:
    assert not any(deployment.left().values())
    assert {tag for image in node.engine.images.list() for tag in image.tags} == set(base.both())
    assert node.engine.images.list(filters={"dangling": True}) == []
    assert node.engine.containers.list(all=True) == []
    assert node.engine.volumes.list() == []


def test_the_engine_is_newer_and_has_the_containerd_image_store(node: Node, version: str) -> None:
    assert node.engine.version()["Version"].startswith(f"{version}.")
    assert ["driver-type", "io.containerd.snapshotter.v1"] in node.engine.info()["DriverStatus"]


def test_development_answers_by_the_contract(development: Deployment) -> None:
    for _, prefix, path, method, status, body in CASES:
        seen, headers, content = ask(development.url + prefix + path, method)
        assert (seen, content) == (status, b"" if method == "HEAD" else body), path
        assert {key: headers.get(key) for key in ENVELOPE} == ENVELOPE, path


def test_nothing_changes_by_itself(development: Deployment) -> None:
    development.operate("preview", "--expect-no-changes")
    development.operate("preview", "--refresh", "--expect-no-changes")


def test_the_first_health_check_is_after_one_interval(development: Deployment) -> None:
    """After five seconds if there were a start period."""
    development.container("microservice1").restart()
    development.wait_healthy("microservice1")
    state = development.container("microservice1").attrs["State"]
    began = datetime.fromisoformat(state["StartedAt"])
    checks = (datetime.fromisoformat(check["Start"]) for check in state["Health"]["Log"])
    first = min(check for check in checks if check > began)  # a restart keeps the earlier ones
    assert (first - began).total_seconds() < 4


def test_an_edit_is_shown_and_done_and_its_reversal_restores_the_images(
    development: Deployment,
) -> None:
    before = images(development)
    check(development, [edit for edit in SINGLE_EDITS if edit.what in EDITS])
    assert images(development) != before
    development.restore()
    development.up()
    assert images(development) == before


def test_the_log_of_a_failed_build(development: Deployment, tmp_path: Path) -> None:
    check_a_failed_build(development, tmp_path)


def test_nothing_is_left_of_development(development: Deployment, node: Node) -> None:
    development.destroy()
    assert_nothing_is_left(development, node)


def test_an_update_loses_nothing(served: Deployment, version: str) -> None:
    before = ids(served)
    new_page = page(served).replace(b"<h1>", b"<h1>New: ")
    with load(served.url, mixed(served, new_page), rate=REQUESTS_PER_SECOND) as report:
        edit_code(served)
        (served.project / "frontend" / "index.html").write_bytes(new_page)
        served.up()
    note(f"Docker {version}: update of a service and the page", report.summary())
    assert_nothing_lost(report, seconds=10)
    after = ids(served)
    changed = replaced(before, after)
    assert changed == {"router_one", "router_one_2", "frontend-site"}
    assert ask(served.url + "/")[2] == new_page


def test_a_new_image_of_the_gateway_loses_nothing(served: Deployment, version: str) -> None:
    wait_relieved(served)
    before = ids(served)
    edit_gateway(served, "edited")
    with load(served.url, mixed(served), rate=REQUESTS_PER_SECOND) as report:
        served.up()
    note(f"Docker {version}: new image of the gateway", report.summary())
    assert_nothing_lost(report, seconds=10)
    after = ids(served)
    changed = replaced(before, after)
    assert changed == {"frontend-nginx", "frontend-site"}


def test_a_release_is_put_back_without_a_build(served: Deployment) -> None:
    before = {one: served.container(one).attrs["Image"] for one in REPLACED}
    served.environment["ROLL_BACK_TO"] = "1"
    (served.project / "services" / "Dockerfile").write_text("FROM scratch\nRUN no program\n")
    served.up()
    del served.environment["ROLL_BACK_TO"]
    assert b"<h1>New: " not in ask(served.url + "/")[2]
    assert all(served.container(one).attrs["Image"] != before[one] for one in REPLACED)
    served.restore()


def test_a_bad_version_is_refused(served: Deployment) -> None:
    check_a_bad_version(served, "crashes")


def test_nothing_is_left_of_production(served: Deployment, node: Node) -> None:
    served.destroy()
    assert_nothing_is_left(served, node)
