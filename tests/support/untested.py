"""List the skipped tests at the end of a run, and make them failures in CI."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

Report = pytest.TestReport | pytest.CollectReport


def is_ci() -> bool:
    return bool(os.environ.get("CI"))


def fail_if_skipped(report: Report) -> None:
    """Turn a skip into a failure."""
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} is skipped, and CI skips nothing: {reason(report)}"


def reason(report: Report) -> str:
    where = report.longrepr
    said = where[2] if isinstance(where, tuple) else str(where)
    return said.removeprefix("Skipped: ")


def summary(skipped: Iterable[Report]) -> Iterator[str]:
    """Return a line for each reason, with the number of tests and their files."""
    reports = list(skipped)
    files: dict[str, set[str]] = {}
    for report in reports:
        files.setdefault(reason(report), set()).add(report.nodeid.partition("::")[0])
    for why, count in Counter(map(reason, reports)).most_common():
        tests = "1 test" if count == 1 else f"{count} tests"
        yield f"{tests} of {', '.join(sorted(files[why]))}: {why}"
