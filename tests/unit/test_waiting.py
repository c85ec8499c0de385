"""A call that takes long is reported, and one that takes too long is given up."""

import threading

import pytest

from infra import waiting
from infra.waiting import within


def test_an_answer_and_an_error_are_passed_on() -> None:
    assert within(30, "an answer", lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        within(30, "an error", lambda: 1 // 0)


def test_a_call_that_blocks_is_given_up_and_named() -> None:
    over = threading.Event()
    with pytest.raises(TimeoutError, match="the drain of one did not end within 1 s"):
        within(1, "the drain of one", over.wait)
    over.set()


def test_it_says_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "REPORT_SECONDS", 0.1)
    said: list[str] = []
    over = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        over.set()

    assert within(60, "the drain of one", over.wait, say)
    assert said[0].startswith("waiting for the drain of one, 0 s of 60")
