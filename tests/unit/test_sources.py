"""An image's digest covers the files of the image, and nothing else."""

import json
import shutil
from pathlib import Path

import pytest

from infra import content, sources
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]
ONE, TWO = (service.name for service in SERVICES[:2])
BASE = "python:3.13-slim"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "services", tmp_path / "services", ignore=ignore)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    return tmp_path / "services"


def changed(before: dict[str, str]) -> set[str]:
    return {name for name, seen in digests().items() if seen != before[name]}


def digests() -> dict[str, str]:
    return {name: sources.of(name, BASE).digest for name in (ONE, TWO)}


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        (f"{ONE}/app.py", {ONE}),
        (f"{ONE}/another.py", {ONE}),
        (f"{ONE}/requirements.txt", {ONE}),
        ("chassis/trace.py", {ONE, TWO}),
        ("requirements.txt", {ONE, TWO}),
        ("Dockerfile", {ONE, TWO}),
        ("requirements.in", set()),
        ("elsewhere/app.py", set()),
        ("chassis/__pycache__/trace.cpython-313.pyc", set()),
        (f"{ONE}/.ruff_cache/x", set()),
    ],
)
def test_an_edit_changes_the_images_that_it_goes_into(
    project: Path, path: str, whose: set[str]
) -> None:
    before = digests()
    (project / path).parent.mkdir(exist_ok=True)
    with (project / path).open("a") as file:
        file.write("# edited\n")
    assert changed(before) == whose


def test_the_same_code_is_another_image_of_another_service(project: Path) -> None:
    shutil.copy(project / ONE / "app.py", project / TWO / "app.py")
    assert len(set(digests().values())) == 2


def test_the_base_image_counts() -> None:
    assert sources.of(ONE, BASE).digest != sources.of(ONE, "python:3.14-slim").digest


def test_a_service_with_a_dockerfile_of_its_own_is_built_from_its_folder(project: Path) -> None:
    (project / ONE / "Dockerfile").write_text("FROM scratch\n")
    own = sources.of(ONE, BASE)
    assert (own.context, dict(own.arguments)) == (f"services/{ONE}", {"BASE_IMAGE": BASE})
    assert (own.on_chassis, dict(own.mounts)) == (False, {})
    before = digests()
    (project / "chassis" / "trace.py").write_text("# edited\n")
    assert changed(before) == {TWO}


def test_development_runs_the_image_s_own_command_live_on_the_image_s_own_paths() -> None:
    dockerfile = (ROOT / "services" / "Dockerfile").read_text()
    assert f"CMD {json.dumps(sources.RUN)}\n" in dockerfile
    assert [*sources.RUN, "--live"] == sources.RUN_LIVE
    copied = {"/app": "${SERVICE}", "/packages/chassis": "chassis"}
    assert set(sources.of(ONE, BASE).mounts) == set(copied)
    for target, source in copied.items():
        assert f"COPY {source} {target}\n" in dockerfile


def test_a_service_needs_an_app_or_a_dockerfile(project: Path) -> None:
    (project / "orders").mkdir()
    assert sources.missing("orders")
    (project / "orders" / "Dockerfile").touch()
    assert not sources.missing("orders")
    assert sources.missing("chassis")
    assert not sources.missing(ONE)


def test_what_the_digest_ignores_does_not_get_into_an_image() -> None:
    ignored = (ROOT / "services" / ".dockerignore").read_text().split()
    assert ignored == list(content.CACHES)
