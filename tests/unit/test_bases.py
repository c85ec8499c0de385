"""The base images: the configured ones, or their stand-ins."""

import pytest

from infra import bases
from infra.keys import DEFAULTS
from tests.support import program

IMAGE = "docker:index/remoteImage:RemoteImage"
PYTHON, NGINX = DEFAULTS["pythonImage"], DEFAULTS["nginxImage"]
OWN = {image: bases.stand_in(image) for image in (PYTHON, NGINX)}


def built_on(monkeypatch: pytest.MonkeyPatch, *tags: str, **config: str) -> set[str]:
    """Return the base images of what the program declares on an engine with these images."""
    monkeypatch.setattr(program, "TAGGED", {tag: {} for tag in tags})
    seen = program.declare(**config).seen
    return {
        inputs["build"]["buildArgs"]["BASE_IMAGE"]
        for (kind, _), inputs in seen.items()
        if kind == IMAGE
    }


def test_an_engine_that_has_only_stand_ins_builds_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert built_on(monkeypatch, *OWN.values()) == set(OWN.values())
    assert built_on(monkeypatch, *OWN.values(), PYTHON) == {PYTHON, OWN[NGINX]}


@pytest.mark.parametrize("tags", [(), (PYTHON, NGINX), (*OWN, *OWN.values())])
def test_the_official_images_go_first(
    monkeypatch: pytest.MonkeyPatch, tags: tuple[str, ...]
) -> None:
    assert built_on(monkeypatch, *tags) == {PYTHON, NGINX}


def test_another_image_has_no_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "registry.example/python:3.13"
    assert built_on(monkeypatch, *OWN.values(), pythonImage=other) == {other, OWN[NGINX]}
