"""The setup's stand-ins for base images, on the engine."""

import io
import uuid
from pathlib import Path

import docker
import pytest

from infra import bases
from tests.support import base
from tools.setup import base_images, standin
from tools.setup.progress import Progress


def test_a_stand_in_with_an_official_name_gets_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # where it notes silent registries
    said = io.StringIO()
    engine = docker.from_env()
    name = f"localhost/e2e-{uuid.uuid4().hex[:8]}/python:3.13"  # no registry is there
    own = bases.stand_in(name)
    dockerfile = f'FROM {base.python()}\nLABEL {standin.LABEL}="true" only={name}\n'
    made, _ = engine.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=name, rm=True)
    try:
        for _ in range(2):
            base_images.ensure(Progress(said), [name])
            assert engine.images.get(own).tags == [own]
            assert base_images.are_there([name])
        assert f"{own} is used for {name}" in said.getvalue()
    finally:
        engine.images.remove(str(made.id), force=True)
        engine.close()
