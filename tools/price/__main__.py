"""Run `pulumi preview` with the price of the update first, or `pulumi up` and say what it cost."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from infra import docker_host
from infra.settings import DEVELOPMENT
from tools.price import budgets
from tools.price.clients import Clients, Route, Seen, routes
from tools.price.effects import Price, logged, price
from tools.recover.untouched import Untouched
from tools.setup.errors import Problem

LOST = 4  # the exit code
OUTPUT_SECONDS = 60


def main() -> int:
    arguments, command = _parsed(sys.argv[1:])
    try:
        return int(arguments.do(arguments, command))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1


def preview(arguments: argparse.Namespace, command: Sequence[str]) -> int:
    """Print the price and then what Pulumi printed; it has no other way to stand first.

    If Pulumi may ask for the passphrase, at a terminal, the price comes last.
    """
    colour = ["--color", "always"] if sys.stdout.isatty() and "NO_COLOR" not in os.environ else []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as printed:
        log = Path(folder) / "events"
        code = _run([*command, *colour], log, None if _may_ask() else printed)
        found = price(logged(log))
        if not code:
            print(found.line(), end="\n\n", flush=True)
        printed.seek(0)
        shutil.copyfileobj(printed, sys.stdout)
    if not code and (exceeded := found.exceeded(arguments.budget)):
        print(budgets.refusal(found, exceeded), file=sys.stderr)
        return budgets.EXCEEDED
    return code


def _may_ask() -> bool:
    passphrases = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
    return sys.stdin.isatty() and not any(name in os.environ for name in passphrases)


def up(arguments: argparse.Namespace, command: Sequence[str]) -> int:
    """Deploy. Refresh the state first if others may have changed something since the last time."""
    stack = Untouched(arguments.stack)
    code = _deploy(arguments.stack, [*command, *([] if stack.holds() else ["--refresh"])])
    if code == 0:
        try:
            stack.note()
        except OSError as error:
            print(f"the next `make up` takes two seconds longer: {error}", file=sys.stderr)
    return code


def _deploy(stack: str, command: Sequence[str]) -> int:
    """Ask the gateway while Pulumi works. In development nothing serves during a replacement."""
    settings = _settings(stack)
    if settings.get("mode", DEVELOPMENT) == DEVELOPMENT or not docker_host.is_here():
        return _run(command)
    clients = Clients(lambda: _routes(stack, settings.get("bindAddress", "127.0.0.1")))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events"
        code = _run(command, log)
        seen, found = clients.end(), price(logged(log))
    return code or _verdict(seen, found)


def _verdict(seen: Seen, found: Price) -> int:
    """Print the price of a change, and what clients have seen. Another loss is an error."""
    if not (found.items and seen.asked):
        return 0
    print(f"{found.line()}\n{seen}", flush=True)
    if found.loses or not seen.lost:
        return 0
    what = f"{seen.lost} of {seen.asked} requests were lost during an update that should lose none"
    remedy = (
        "`make logs` shows what the gateway and the services said then. The update is deployed."
    )
    print(Problem(what, seen.evidence(), remedy), file=sys.stderr)
    return LOST


def _run(command: Sequence[str], log: Path | None = None, output: IO[str] | None = None) -> int:
    """Run Pulumi, which writes its events to `log`, and return its exit code.

    The terminal's Ctrl-C reaches it without our help, other signals do not.
    """
    # Without the variable there is no --event-log.
    environment = {**os.environ, "PULUMI_DEBUG_COMMANDS": "true"} if log else None
    logging = ["--event-log", str(log)] if log else []
    signal.signal(signal.SIGINT, lambda *_: None)
    child = subprocess.Popen([*command, *logging], env=environment, stdout=output)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: child.send_signal(received))
    code = child.wait()
    return code if code >= 0 else 128 - code


def _settings(stack: str) -> dict[str, Any]:
    """Return the stack's own configuration, without its namespace; Pulumi reports a bad file."""
    import yaml  # noqa: PLC0415  a preview does without

    try:
        said = yaml.safe_load(Path(f"Pulumi.{stack}.yaml").read_text())
        return {key.rpartition(":")[2]: value for key, value in said["config"].items()}
    except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        return {}


def _routes(stack: str, bind_address: str) -> list[Route]:
    """Return what to ask. A stack that has never been deployed has no routes."""
    command = ["pulumi", "stack", "output", "--json", "--stack", stack]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=OUTPUT_SECONDS
        )
        return routes(json.loads(done.stdout), bind_address)
    except Exception:  # noqa: BLE001  an update does not fail for what watches it
        return []


def _parsed(words: Sequence[str]) -> tuple[argparse.Namespace, Sequence[str]]:
    parser = argparse.ArgumentParser(prog="python -m tools.price", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    previewing = verbs.add_parser("preview")
    previewing.add_argument("--budget", type=budgets.read, default=())
    previewing.set_defaults(do=preview)
    updating = verbs.add_parser("up")
    updating.add_argument("--stack", required=True)
    updating.set_defaults(do=up)
    for verb in (previewing, updating):
        verb.add_argument("command", nargs="+", help="after `--`: the command of Pulumi")
    arguments = parser.parse_args(words)
    return arguments, arguments.command


if __name__ == "__main__":
    sys.exit(main())
