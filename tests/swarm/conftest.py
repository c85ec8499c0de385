"""Swarms on the rig with a deployment each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rig import REGISTRY, Rig, why_not
from tests.support.swarm_deployment import Swarm


def _swarm(count: int, folder: Path) -> Iterator[Swarm]:
    if reason := why_not():
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch, Rig(count) as rig:
        one = Swarm(rig, folder, patch)
        yield one
        one.deployment.engine.close()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """One engine that is in no swarm yet."""
    yield from _swarm(1, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A manager and two workers, and the project deployed there."""
    for one in _swarm(3, tmp_path_factory.mktemp("swarm")):
        one.form()
        one.config["registry"] = f"http://{REGISTRY}/team"
        one.deployment.up()
        yield one
