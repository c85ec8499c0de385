"""What an engine admits: without one a preview shows less, and SELinux must let mounts be read."""

import os
from dataclasses import replace

import pulumi
import pytest

from infra import admission, preflight
from infra.admission import Refused
from infra.engine import EngineError
from tests.support import configured
from tests.support.program import NOTHING, Recorder


@pytest.fixture
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def take_inventory(_: object) -> None:
        raise EngineError("no Docker engine answers")

    monkeypatch.setattr(preflight, "take_inventory", take_inventory)


def mock(*, preview: bool) -> None:
    pulumi.runtime.set_mocks(Recorder(), project="microservices", stack="unit", preview=preview)


@pytest.mark.usefixtures("_no_engine")
def test_a_preview_goes_on() -> None:
    mock(preview=True)
    assert admission._inventory({}) is None  # noqa: SLF001  no other way to no engine


@pytest.mark.usefixtures("_no_engine")
def test_an_update_is_refused_before_anything_is_changed() -> None:
    mock(preview=False)
    with pytest.raises(Refused, match="docker:host: nothing is changed, no Docker engine"):
        admission._inventory({})  # noqa: SLF001  as above


class TestSELinux:
    """The engine confines containers by it, and this is how the checkout is labelled."""

    @pytest.fixture(autouse=True)
    def _engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = replace(NOTHING, selinux=True)
        monkeypatch.setattr(preflight, "take_inventory", lambda _: found)
        monkeypatch.setattr(preflight, "conflicts", lambda *_: [])
        self.labels = {
            "services": b"system_u:object_r:container_file_t:s0\0",
            "frontend": b"unconfined_u:object_r:user_home_t:s0\0",
            "nginx": b"unconfined_u:object_r:user_home_t:s0\0",
        }
        monkeypatch.setattr(
            os, "listxattr", lambda path: ["security.selinux"] if path.name in self.labels else []
        )
        monkeypatch.setattr(os, "getxattr", lambda path, _: self.labels[path.name])

    def refused(self, mode: str) -> list[str]:
        try:
            admission.admit(configured.read({"mode": mode}), {})
        except Refused as refused:
            return refused.lines
        return []

    def test_what_development_mounts_must_be_readable(self) -> None:
        (line,) = self.refused("development")
        assert line == (
            "frontend, nginx: SELinux lets no container read this; "
            "run chcon -Rt container_file_t frontend nginx"
        )

    def test_production_mounts_nothing(self) -> None:
        assert self.refused("production") == []

    def test_a_kernel_without_it_has_its_engine_in_a_virtual_machine(self) -> None:
        self.labels.clear()
        assert self.refused("development") == []

    def test_an_engine_that_does_not_use_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preflight, "take_inventory", lambda _: NOTHING)
        assert self.refused("development") == []
