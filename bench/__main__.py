"""python -m bench: measure this project against the tutorial's stack and other alternatives."""

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import (
    ceilings,
    compose,
    daily,
    deploying,
    encrypted,
    footprint,
    growth,
    many,
    results,
    serving,
    stacks,
    wrk,
)
from bench.growth import Growth
from bench.rows import Row
from tools.setup import apt, base_images, process
from tools.setup.errors import Problem
from tools.setup.progress import Progress, readable
from tools.setup.versions import PYTHON_IMAGE

QUICK = ("serving", "footprint", "many", "deploying")
SUBJECTS = (*QUICK, "encrypted", "daily", "growth")
INTERRUPTED = 130


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _interrupt)
    show, began = Progress(), time.monotonic()
    rows: list[Row] = []
    growths: list[Growth] = []
    quick = arguments.quick
    subjects = arguments.only or (QUICK if quick else SUBJECTS)
    try:
        measure(subjects, rows, growths, show, quick=quick)
    except KeyboardInterrupt:
        print("interrupted; what the bench had made is taken down", file=sys.stderr)
        return INTERRUPTED
    except (wrk.BenchError, Problem, process.FailedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:  # print the results so far even after an error or Ctrl-C
        print(f"{results.title(quick=quick)}\n\n{results.table(rows)}\n")
    if not (arguments.only or quick):
        results.write(rows, growths, arguments.to)
        print(f"Written to {arguments.to}.")
    print(f"Took {readable(time.monotonic() - began)}.")
    return 0


def measure(
    subjects: Sequence[str], rows: list[Row], growths: list[Growth], show: Progress, *, quick: bool
) -> None:
    """Run the benchmarks. Append the results as they come, so that an interruption keeps them."""
    if not shutil.which("wrk"):
        with show.step("wrk", "installing wrk"):
            apt.install("wrk")
    if {"serving", "encrypted", "footprint", "many"} & set(subjects):
        rows += _on_running_stacks(subjects, show, quick=quick)
    if "daily" in subjects:
        rows += daily.rows(1 if quick else 3, show)
    if not {"deploying", "growth"} & set(subjects):
        return
    command, why_not = compose.ensure(show)
    if "deploying" in subjects:
        rows += deploying.rows(command, why_not, 1 if quick else 3, show)
    if "growth" in subjects:
        counts = (3, 10) if quick else (3, 10, 30, 100)
        grown, lines = growth.measure(counts, command, why_not, show)
        rows += grown
        growths += lines


def _on_running_stacks(subjects: Sequence[str], show: Progress, *, quick: bool) -> list[Row]:
    """Run the benchmarks that need both stacks running."""
    rounds, seconds = (2, 1) if quick else (4, 2)
    rows: list[Row] = []
    with stacks.ours() as (_, ours), stacks.tutorial(ours.engine, show) as theirs:
        pairs = serving.Pairs(ours, theirs, rounds=rounds, seconds=seconds)
        if "serving" in subjects:
            rows += serving.through_the_gateway(pairs, show)
            rows += ceilings.rows(pairs, show)
            rows += serving.per_core(pairs, show)
            rows += serving.cpu_time(pairs, show)
        if "encrypted" in subjects:
            rows += encrypted.rows(ours, theirs, rounds, seconds, show)
        if "footprint" in subjects:
            rows.append(footprint.start_time(ours, rounds, show))
            rows += footprint.memory(ours, 100_000 if quick else 1_000_000, show)
            rows.append(footprint.image_size(ours, base_images.on_engine(PYTHON_IMAGE)))
        if "many" in subjects:
            rows += many.rows(ours, rounds, seconds, show)
    show.note("serving", f"{pairs.compared} answers checked, all correct")
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help=f"fewer rounds, only {', '.join(QUICK)}: three minutes"
    )
    parser.add_argument(
        "--to", type=Path, default=results.FOLDER, help="folder for the results; docs/bench"
    )
    parser.add_argument(
        "only", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; all by default"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(SUBJECTS):
        parser.error(f"no such subject: {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    return arguments


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
