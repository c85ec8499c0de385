"""A mounted folder stays mounted as long as it has this checkout's content."""

import shutil
from pathlib import Path

import pytest

from infra import drift, labels


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "app.py").write_text("same")
    return folder


@pytest.fixture
def theirs(ours: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another checkout, which the container has mounted."""
    folder = ours.with_name("theirs")
    shutil.copytree(ours, folder)
    mounts = [{"Destination": "/app", "Source": str(folder)}]
    container = {"Names": ["/router_one"], "Mounts": mounts}
    monkeypatch.setattr(drift, "_containers", lambda: [container])
    return folder


def test_the_same_content_elsewhere_stays(ours: Path, theirs: Path) -> None:
    assert drift.mounted("router_one", "/app", ours) == theirs


def test_another_content_gives_way(ours: Path, theirs: Path) -> None:
    (theirs / "app.py").write_text("edited")
    assert drift.mounted("router_one", "/app", ours) == ours


def test_a_folder_that_is_gone_gives_way(ours: Path, theirs: Path) -> None:
    shutil.rmtree(theirs)
    assert drift.mounted("router_one", "/app", ours) == ours


@pytest.mark.usefixtures("theirs")
def test_what_is_mounted_elsewhere_does_not_count(ours: Path) -> None:
    assert drift.mounted("router_one", "/other", ours) == ours


def test_without_a_container_it_is_ours(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "_containers", list)
    assert drift.mounted("router_one", "/app", ours) == ours


TAG = "microservice1:v1-abc"
BUILT = {"Id": "sha256:built", "Labels": {labels.CONTENT: "abc"}}


@pytest.mark.parametrize(
    ("image", "of_container", "moved"),
    [
        pytest.param(BUILT, "sha256:built", False, id="the image of the container"),
        pytest.param(BUILT, "", False, id="the image, no container"),
        pytest.param(BUILT, "sha256:other", True, id="the content, another image"),
        pytest.param({**BUILT, "Labels": None}, "", True, id="another's image"),
        pytest.param({**BUILT, "Labels": {labels.CONTENT: "def"}}, "", True, id="other content"),
        pytest.param(None, "sha256:built", False, id="no image"),
    ],
)
def test_a_tag_that_names_another_image(
    monkeypatch: pytest.MonkeyPatch,
    *,
    image: dict[str, object] | None,
    of_container: str,
    moved: bool,
) -> None:
    made = {"Labels": {labels.IMAGE: TAG}, "ImageID": of_container}
    by_others = {"Labels": None, "ImageID": "sha256:others"}
    there = [by_others, *([made] if of_container else [])]
    monkeypatch.setattr(drift, "_containers", lambda: there)
    monkeypatch.setattr(drift, "_tagged", lambda: {TAG: image} if image else {})
    assert drift.moved(TAG, "abc") is moved
