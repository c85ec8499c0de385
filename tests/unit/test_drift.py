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


def test_a_tag_that_is_another_image_now(monkeypatch: pytest.MonkeyPatch) -> None:
    label = {labels.IMAGE: "microservice1:v1-abc"}
    made = {"Id": "c1", "Names": ["/router_one"], "Labels": label, "ImageID": "sha256:old"}
    monkeypatch.setattr(drift, "_containers", lambda: [made, {**made, "Labels": None}])
    tags = {"microservice1:v1-abc": "sha256:new"}
    monkeypatch.setattr(drift, "_tagged", lambda: tags)
    assert drift.moved("microservice1:v1-abc") == "c1"
    tags["microservice1:v1-abc"] = "sha256:old"
    assert drift.moved("microservice1:v1-abc") == ""
    assert drift.moved("microservice2:v1-abc") == ""
