"""The result of a benchmark: its values, their median and spread, and the goal."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Row:
    what: str
    paired_with: str
    values: tuple[float, ...] = ()  # ratios if it is paired
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None
    detail: str = ""
    skipped: str = ""  # the reason, if it was not measured

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        if self.skipped or self.at_least is self.at_most:
            return None
        good = self.at_least is None or self.median >= self.at_least
        return good and (self.at_most is None or self.median <= self.at_most)

    @property
    def goal(self) -> str:
        if self.at_least is not None:
            return f"at least {figure(self.at_least, self.unit)}"
        if self.at_most is not None:
            return f"at most {figure(self.at_most, self.unit)}"
        return "reported"

    @property
    def result(self) -> str:
        if self.skipped:
            return f"skipped: {self.skipped}"
        spread = f"{min(self.values):.2f} to {max(self.values):.2f}"
        text = figure(self.median, self.unit)
        return text if len(self.values) == 1 else f"{text} ({spread})"

    @property
    def verdict(self) -> str:
        return {True: "met", False: "not met", None: ""}[self.met]


def figure(value: float, unit: str) -> str:
    return f"{value:.2f}x" if unit == "x" else f"{value:.3g} {unit}"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    return tuple(a / b for a, b in zip(ours, theirs, strict=True))


def rates(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return f"{statistics.median(ours):.0f} and {statistics.median(theirs):.0f} requests/s"


def in_turns(rounds: int, measured: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Measure each in turns, A B and then B A, and return the values by name."""
    found: dict[str, list[T]] = {name: [] for name in measured}
    for number in range(rounds):
        order = list(measured.items())
        for name, measure in order if number % 2 == 0 else order[::-1]:
            found[name].append(measure())
    return found
