"""Hooks with a time limit. Pulumi itself waits for a hook without one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pulumi

from infra.waiting import within

SECONDS = 120  # enough for a hook on a busy machine; a hook may have a limit of its own
SHOW_SECONDS = 20  # for the log of what failed
RETRIES, RETRY_SECONDS = 5, 1.0  # of what fails because something else has changed meanwhile

_under_way: list[str] = []


def are_running() -> bool:
    return bool(_under_way)


@contextmanager
def _running(what: str) -> Iterator[None]:
    _under_way.append(what)
    try:
        yield
    finally:
        _under_way.remove(what)


def hook(
    name: str,
    act: Callable[[pulumi.ResourceHookArgs], object],
    seconds: Callable[[pulumi.ResourceHookArgs], float] = lambda _: SECONDS,
) -> pulumi.ResourceHook:
    """Return a hook that fails after `seconds`; the error names the hook and its resource."""

    def run(args: pulumi.ResourceHookArgs) -> None:
        what = f"the hook {name} of {args.name}"
        with _running(what):
            within(seconds(args), what, lambda: act(args), pulumi.log.info)

    return pulumi.ResourceHook(name, run)


def error_hook(
    name: str, show: Callable[[pulumi.ErrorHookArgs], bool | None], seconds: float = SHOW_SECONDS
) -> pulumi.ErrorHook:
    """Return a hook that shows why a resource failed. Pulumi tries again if `show` returns True."""

    def run(args: pulumi.ErrorHookArgs) -> bool:
        what = f"the hook {name} of {args.name}"
        try:
            with _running(what):
                return bool(within(seconds, what, lambda: show(args), pulumi.log.info))
        except TimeoutError as error:
            pulumi.log.warn(str(error))
            return False

    return pulumi.ErrorHook(name, run)


def will_pass(args: pulumi.ErrorHookArgs, sign: str) -> bool:
    """Wait, and return whether to try again: the newest error has the sign of one that passes."""
    newest = "".join(args.errors[:1])
    if sign not in newest or len(args.errors) > RETRIES:
        return False
    time.sleep(RETRY_SECONDS)
    return True
