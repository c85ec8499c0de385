"""Deployments that tests share one after the other, repaired after a test that failed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.contract import HELLO, answers_until
from tests.support.deployment import Deployment
from tests.support.recovery import recover

ATTEMPTS = 2  # to deploy it; after that, each test that needs it fails at once

spoiled: set["Shared"] = set()
in_use: set["Shared"] = set()


def spoil_all() -> None:
    """Mark all shared deployments of this process to be repaired before their next use."""
    spoiled.update(in_use)


class Shared:
    """A deployment that is created at its first use, and repaired after a test that failed."""

    def __init__(
        self, folder: Callable[[], Path], prepare: Callable[[Deployment], None], **config: object
    ) -> None:
        self.folder = folder
        self.prepare = prepare
        self.config = config
        self._one: Deployment | None = None
        self._failed: list[str] = []

    def get(self) -> Deployment:
        if self._one and self in spoiled and not self._heal(self._one):
            self.remove()
        spoiled.discard(self)
        if self._one is None:
            self._one = self._make()
        return self._one

    def remove(self) -> None:
        in_use.discard(self)
        if self._one:
            self._one.remove()
            self._one = None

    def _make(self) -> Deployment:
        if len(self._failed) >= ATTEMPTS:
            pytest.fail(f"it could not be deployed {ATTEMPTS} times: {self._failed[-1]}")
        one = Deployment(self.folder(), **self.config)
        try:
            self.prepare(one)
            one.up()
        except BaseException as error:
            self._failed.append(str(error))
            one.remove()
            raise
        in_use.add(self)
        return one

    def _heal(self, one: Deployment) -> bool:
        """Repair the deployment. Return whether it is as it was when it was created."""
        try:
            one.restore()
            self.prepare(one)
            one.pulumi("cancel", "--yes", "--stack", one.stack, check=False)
            recover(one, "--yes")
            one.up("--refresh")  # completes an interrupted update, and may remove an image tag
            one.up("--refresh")
            answers_until(f"{one.url}/api/v1/say_hello", HELLO)
        except (AssertionError, OSError, subprocess.SubprocessError):
            return False
        return True
