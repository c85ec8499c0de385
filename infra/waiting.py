"""Calls with a time limit: a long one is reported, one that takes too long is given up."""

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

T = TypeVar("T")
REPORT_SECONDS = 10.0


def within(
    seconds: float, what: str, call: Callable[[], T], say: Callable[[str], object] | None = None
) -> T:
    """Return what the call returns; tell `say` every REPORT_SECONDS that it still runs.

    Raises TimeoutError, which names `what`, when it takes longer. The call is then left to its
    thread, which does not keep the program from ending.
    """
    outcome: futures.Future[T] = futures.Future()
    context = contextvars.copy_context()  # Pulumi keeps its state there
    threading.Thread(target=context.run, args=(_settle, outcome, call), daemon=True).start()
    begun = time.monotonic()
    while True:
        left = begun + seconds - time.monotonic()
        done, _ = futures.wait([outcome], timeout=max(0, min(REPORT_SECONDS, left)))
        if done:
            return outcome.result()
        if left <= REPORT_SECONDS:
            raise TimeoutError(f"{what} did not end within {seconds:.0f} s")
        if say:
            say(f"waiting for {what}, {time.monotonic() - begun:.0f} s of {seconds:.0f}")


def _settle(outcome: futures.Future[T], call: Callable[[], T]) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:  # noqa: BLE001  raised again where it is waited for
        outcome.set_exception(error)
