"""Print a line for each step, and the time of steps that take long, to stderr."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

SILENT_FOR = 5.0  # steps shorter than this print no intermediate line
LINE_EVERY = 10.0
FRAME_EVERY = 0.2
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
DIM, RED, RESET = "\x1b[2m", "\x1b[31m", "\x1b[0m"
ERASE = "\r\x1b[K"


class Step:
    def __init__(self, name: str, what: str) -> None:
        self.name, self.what = name, what
        self.began = time.monotonic()
        self.reported = self.began

    def says(self, what: str) -> None:
        self.what = what

    @property
    def took(self) -> float:
        return time.monotonic() - self.began


class Progress:
    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._moving = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self._moving and not os.environ.get("NO_COLOR")
        self._running: list[Step] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._live, daemon=True).start()

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Step]:
        step = Step(name, what)
        with self._lock:
            self._running.append(step)
        try:
            yield step
        except BaseException:
            self._finish(step, self._colour("failed after ", RED))
            raise
        self._finish(step, "")

    def note(self, name: str, text: str) -> None:
        with self._lock:
            self._line(f"{name:<18}{text}")

    def _finish(self, step: Step, verdict: str) -> None:
        with self._lock:
            self._running.remove(step)
            duration = self._colour(f"… {verdict}{readable(step.took)}", DIM)
            self._line(f"{step.name:<18}{step.what} {duration}")

    def _live(self) -> None:
        while True:
            time.sleep(FRAME_EVERY)
            with self._lock:
                if self._moving:
                    self._frame()
                else:
                    self._slow_lines()

    def _frame(self) -> None:
        if not self._running:
            return
        sign = FRAMES[int(time.monotonic() / FRAME_EVERY) % len(FRAMES)]
        steps = " · ".join(
            f"{step.name} {step.what} {readable(step.took)}" for step in self._running
        )
        width = shutil.get_terminal_size().columns - 3
        self._stream.write(f"{ERASE}{sign} {steps[:width]}")
        self._stream.flush()

    def _slow_lines(self) -> None:
        now = time.monotonic()
        for step in self._running:
            if step.took > SILENT_FOR and now - step.reported > LINE_EVERY:
                step.reported = now
                self._line(f"{step.name:<18}{step.what} … {readable(step.took)} so far")

    def _line(self, text: str) -> None:
        self._stream.write(f"{ERASE if self._moving else ''}{text}\n")
        self._stream.flush()

    def _colour(self, text: str, colour: str) -> str:
        return f"{colour}{text}{RESET}" if self._colours else text


def readable(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
