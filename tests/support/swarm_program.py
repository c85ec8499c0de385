"""Run the program under mocks for a swarm of three nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infra.swarm import failures, nodes, obstacles
from tests.support.program import Recorder

NODE = nodes.Node(facts={}, address="10.0.0.1", ready=True)
SWARM = nodes.Swarm(member=True, manager=True, address="10.0.0.1", nodes=(NODE, NODE, NODE))
CONFIG = {
    "mode": "swarm",
    "replicas": 2,
    "services": {"microservice1": {"replicas": 3}},
    "registry": "http://registry.example.com:5000/team",
}
SERVICE = "docker:index/service:Service"


@contextmanager
def on_a_swarm() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        # Only a real engine can register hooks; the mocks cannot.
        patch.setattr(failures, "show", lambda: None)
        patch.setattr(nodes, "inventory", lambda: SWARM)
        patch.setattr(obstacles, "conflicts", lambda *_: [])
        yield patch


def services_of(declared: Recorder) -> dict[str, dict[str, Any]]:
    return {name: inputs for (typ, name), inputs in declared.seen.items() if typ == SERVICE}
