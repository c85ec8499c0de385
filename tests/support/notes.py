"""Measurements for the table at the end of a run. A worker's come with its tests' reports."""

import pytest

PROPERTY = "measured: "

_new: list[tuple[str, str]] = []
TABLE: list[tuple[str, str]] = []


def note(what: str, seen: str) -> None:
    """Add a row to the table at the end of the run."""
    _new.append((what, seen))


def attach(report: pytest.TestReport) -> None:
    """Give the report the rows since the last one."""
    report.user_properties += [(PROPERTY + what, seen) for what, seen in _new]
    _new.clear()


def collect(report: pytest.TestReport) -> None:
    """Take the rows of a report, in the process that prints the table."""
    rows = ((name, str(seen)) for name, seen in report.user_properties)
    TABLE.extend((n.removeprefix(PROPERTY), seen) for n, seen in rows if n.startswith(PROPERTY))
