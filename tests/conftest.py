"""Fixtures that all tests share."""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support import notes
from tests.support.deployment import Deployment
from tests.support.shared import Shared, spoil_all
from tests.support.untested import fail_if_skipped, is_ci, summary

# A background process inherits ignored signals, and would pass them on to what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# SIGTERM ends the run like Ctrl-C, so that it removes what it has deployed.
signal.signal(signal.SIGTERM, signal.default_int_handler)
# Hides missing flushes, and is not set on most machines.
os.environ.pop("PYTHONUNBUFFERED", None)
# Makes a nested make print its folder; a user's shell has no such variable.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)

# Fixture -> the shared deployment.
SHARED = {
    "deployment": "development",
    "standing": "production",
    "production": "production",
    "gateway": "gateway",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all tests that share a deployment to one worker."""
    for item in items:
        if name := _shared_by(item):
            item.add_marker(pytest.mark.xdist_group(name))


def _shared_by(item: pytest.Item) -> str:
    params = getattr(item, "callspec", None)
    used = [*getattr(item, "fixturenames", ()), *(params.params.values() if params else ())]
    return next((shared for name, shared in SHARED.items() if name in used), "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    notes.attach(report)
    if is_ci():
        fail_if_skipped(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("NOT TESTED on this machine", red=True, bold=True)
        for line in summary(skipped):
            terminalreporter.write_line(line)
    for what, seen in notes.TABLE:
        terminalreporter.write_line(f"{what:<42} {seen}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    notes.collect(report)
    if report.failed:
        spoil_all()


def _shared(factory: pytest.TempPathFactory, name: str, **config: object) -> Iterator[Shared]:
    one = Shared(lambda: factory.mktemp(name), lambda _: None, **config)
    yield one
    one.remove()


@pytest.fixture(scope="session")
def _development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    yield from _shared(tmp_path_factory, "deployment")


@pytest.fixture
def deployment(_development: Shared) -> Deployment:
    """A deployment that is up, for the tests that leave it as they found it."""
    return _development.get()


@pytest.fixture(scope="session")
def _production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    yield from _shared(tmp_path_factory, "production", mode="production", replicas="2")


@pytest.fixture
def production(_production: Shared) -> Deployment:
    """One in production mode that is up, for the tests that update it and leave it good."""
    return _production.get()


@pytest.fixture
def standing(_production: Shared) -> Deployment:
    """The same, for the tests that leave it as they found it."""
    return _production.get()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment of the test's own, not up yet."""
    with Deployment(tmp_path) as one:
        yield one
