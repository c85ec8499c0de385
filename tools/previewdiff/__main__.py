"""Show what this commit changes in a deployment of BASE, without an account or shared state."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tools.previewdiff import report
from tools.previewdiff.changes import Preview
from tools.previewdiff.own_stack import Stack
from tools.previewdiff.trees import Comparison, Repository
from tools.price import budgets
from tools.setup.errors import Problem

FAILED, VIOLATED = 1, 3
CHANGES = 7  # as of `pulumi preview --expect-no-changes`
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODES = """\
exit codes:
  0   the preview worked
  1   it failed: the base could not be deployed, or this commit could not be previewed
  3   a mandatory policy is violated
  5   the price exceeds the budget (with --budget only)
  7   there are changes (with --expect-no-changes only)
  128 and the signal's number: it was interrupted
"""


class Interrupted(BaseException):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> int:
    arguments = _parser().parse_args()
    for number in SIGNALS:
        signal.signal(number, _interrupted)
    try:
        return _run(arguments)
    except Interrupted as interrupted:
        print("everything that was made is removed", file=sys.stderr)
        return 128 + interrupted.number
    except Problem as problem:
        print(problem, file=sys.stderr)
        return FAILED


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.output.is_dir():
        raise Problem(f"--output: there is no folder {arguments.output}", remedy="make it")
    repository = Repository(Path.cwd())
    comparison = repository.compare(arguments.base)
    subject = report.Subject(
        base=arguments.base,
        base_commit=comparison.base,
        head_commit=comparison.head,
        uncommitted=comparison.uncommitted,
        stack=arguments.stack,
        note=comparison.note,
    )
    try:
        preview, diff = _preview(repository, comparison, arguments.stack)
    except Problem as problem:
        preview, diff = Preview(errors=(f"{problem.what}\n{problem.why}".strip(),)), ""
    markdown, document = (
        report.to_markdown(subject, preview, diff),
        report.to_json(subject, preview),
    )
    (arguments.output / "preview-diff.md").write_text(markdown)
    (arguments.output / "preview-diff.json").write_text(document)
    print(document if arguments.json else markdown, end="")
    return _exit_code(preview, arguments.budget, expect_no_changes=arguments.expect_no_changes)


def _preview(repository: Repository, comparison: Comparison, name: str) -> tuple[Preview, str]:
    lock = repository.root / "uv.lock"
    with _stack(name) as stack:
        with _step(f"deploying {comparison.base[:12]} as a stack of its own"):
            repository.lay_out_commit(comparison.base, stack.project)
            stack.deploy(lock)
        with _step("previewing this commit against it"):
            repository.lay_out_working_tree(stack.project)
            return stack.preview(lock)


@contextmanager
def _stack(name: str) -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="preview-diff-")).resolve()
    stack = None
    try:
        stack = Stack(name, folder)
        yield stack
    finally:
        for number in SIGNALS:  # a second Ctrl-C must not stop the removal
            signal.signal(number, signal.SIG_IGN)
        with _step("removing that deployment"):
            stack.remove() if stack else shutil.rmtree(folder)


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"preview-diff      {what} …", file=sys.stderr, flush=True)
    yield
    took = time.monotonic() - began
    print(f"preview-diff      {what}: {took:.1f} s", file=sys.stderr, flush=True)


def _exit_code(preview: Preview, budget: Sequence[str], *, expect_no_changes: bool) -> int:
    if preview.violated:
        return VIOLATED
    if preview.errors:
        return FAILED
    if exceeded := preview.price.exceeded(budget):
        print(budgets.refusal(preview.price, exceeded), file=sys.stderr)
        return budgets.EXCEEDED
    return CHANGES if expect_no_changes and preview.resources else 0


def _interrupted(number: int, _frame: FrameType | None) -> NoReturn:
    print("interrupted: it stops, and removes what it made", file=sys.stderr, flush=True)
    raise Interrupted(number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.previewdiff",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", default="origin/main", help="branch, tag or commit")
    parser.add_argument("--stack", default="dev", help="the stack whose configuration is used")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the two files")
    parser.add_argument("--json", action="store_true", help="print the JSON, not the Markdown")
    parser.add_argument("--budget", type=budgets.read, default=(), help="no-loss, no-data, or both")
    parser.add_argument("--expect-no-changes", action="store_true", help="exit with 7 on a change")
    return parser


if __name__ == "__main__":
    sys.exit(main())
