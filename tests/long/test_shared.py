"""A failed test does not break the deployment that others share."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import shared
from tests.support.contract import HELLO, ask
from tests.support.deployment import Deployment
from tests.support.polling import wait_until
from tests.support.recovery import begin, locks
from tests.support.shared import Shared
from tests.support.updates import edit_code


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Shared]:
    folders = iter(range(9))

    def folder() -> Path:
        made = tmp_path / str(next(folders))
        made.mkdir()
        return made

    one = Shared(folder, lambda _: None)
    yield one
    one.remove()


def leave_it_locked_and_half_updated(one: Deployment) -> None:
    """What a test leaves behind whose time is over in the middle of an update."""
    one.config["imageVersion"] = "v2"
    edit_code(one)
    before = set(one.ids())
    run = begin(one)
    wait_until(lambda: set(one.ids()) != before, "a container is replaced")
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert locks(one)


def is_as_new(one: Deployment) -> bool:
    assert ask(f"{one.url}/api/v1/say_hello")[2] == HELLO
    assert "imageVersion" not in one.config
    app = one.project / "services" / "microservice1" / "app.py"
    assert "# edited" not in app.read_text()
    one.operate("preview", "--refresh", "--expect-no-changes")
    return True


def test_what_was_left_locked_and_half_updated_is_healed(own: Shared) -> None:
    one = own.get()
    leave_it_locked_and_half_updated(one)
    shared.spoil_all()
    assert own.get() is one
    assert is_as_new(one)


def test_what_cannot_be_healed_is_made_anew(own: Shared) -> None:
    one = own.get()
    one.environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    shared.spoil_all()
    other = own.get()
    assert other is not one
    assert is_as_new(other)
    ours: dict[str, str | list[str] | bool] = {"label": f"microservices.stack={one.stack}"}
    assert not other.engine.containers.list(all=True, filters=ours)
