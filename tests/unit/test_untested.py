"""A skipped test is listed at the end of a run, and fails in CI."""

import pytest

from tests.support.untested import fail_if_skipped, reason, summary


def report(name: str, why: str = "no browser", outcome: str = "skipped") -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=f"tests/e2e/{name}.py::test",
        location=("", 0, ""),
        keywords={},
        outcome=outcome,  # type: ignore[arg-type]  # one of three words
        longrepr=("file", 1, f"Skipped: {why}"),
        when="setup",
    )


def test_a_skip_is_a_failure_in_ci_and_says_why() -> None:
    skipped = report("test_page")
    fail_if_skipped(skipped)
    assert skipped.failed
    assert "CI skips nothing: no browser" in str(skipped.longrepr)


def test_what_passed_stays_so() -> None:
    passed = report("test_page", outcome="passed")
    fail_if_skipped(passed)
    assert passed.passed


def test_the_summary_has_a_line_for_each_reason() -> None:
    skipped = [report("a"), report("b"), report("b"), report("c", "not root")]
    assert reason(skipped[0]) == "no browser"
    assert list(summary(skipped)) == [
        "3 tests of tests/e2e/a.py, tests/e2e/b.py: no browser",
        "1 test of tests/e2e/c.py: not root",
    ]
