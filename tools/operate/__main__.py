"""python -m tools.operate VERB, which `make VERB` runs."""

import signal

if __name__ == "__main__":  # Ctrl-C during the imports below: no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import os
import sys
import webbrowser
from pathlib import Path
from typing import NoReturn

from docker.models.containers import Container

from infra.engine import EngineError
from tools.operate import (
    backup,
    certificate,
    logs,
    maintenance,
    new_secret,
    new_service,
    once,
    shipped,
    status,
)
from tools.operate.deployed import Stack, connect, url
from tools.setup.errors import Problem
from tools.setup.process import FailedError
from topology import GATEWAY

INTERRUPTED = 130
SHELL = ("sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi")


def main() -> int:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return int(arguments.do(arguments) or 0)
    except Problem as problem:
        print(problem, file=sys.stderr)
    except FailedError as error:
        print(Problem(error.output, remedy="fix that and run it again"), file=sys.stderr)
    except EngineError as error:
        print(
            Problem(str(error), remedy="`make up` starts an engine where none runs"),
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    return 1


def show_status(arguments: argparse.Namespace) -> int:
    with connect(arguments.stack) as stack:
        return 0 if status.show(stack) else 1


def show_releases(arguments: argparse.Namespace) -> None:
    with connect(arguments.stack) as stack:
        shipped.show(stack)


def show_certificate(arguments: argparse.Namespace) -> None:
    with connect(arguments.stack) as stack:
        try:
            if state := certificate.wait(stack):
                print(f"Certificate of {state}")
        except Problem as problem:  # the deployment stands
            print(problem, file=sys.stderr)


def follow_logs(arguments: argparse.Namespace) -> None:
    with connect(arguments.stack) as stack:
        logs.follow(stack, arguments.service, arguments.since)


def open_page(arguments: argparse.Namespace) -> None:
    with connect(arguments.stack) as stack:
        page = url(_running(stack, GATEWAY, 1))
    print(page)
    if not webbrowser.open(page):
        print("No browser can be opened from here; that is its address.")


def shell(arguments: argparse.Namespace) -> NoReturn:
    with connect(arguments.stack) as stack:
        container = _running(stack, arguments.service, arguments.number)
    terminal = ["--tty"] if sys.stdin.isatty() else []
    command = ["docker", "exec", "--interactive", *terminal, str(container.name), *SHELL]
    os.execvp(command[0], command)  # noqa: S606  no other shell around it


def run_once(arguments: argparse.Namespace) -> NoReturn:
    with connect(arguments.stack) as stack:
        like = stack.replica(arguments.service, 1)
        name = once.create(like, arguments.command, terminal=sys.stdin.isatty())
    command = ["docker", "start", "--attach", "--interactive", name]
    os.execvp(command[0], command)  # noqa: S606  no shell around it


def save_volumes(arguments: argparse.Namespace) -> None:
    with connect(arguments.stack) as stack:
        file, seconds = backup.save(stack, arguments.service)
    print(f"{file} is written; {arguments.service} was away for {seconds:.1f} s.")


def restore_volumes(arguments: argparse.Namespace) -> None:
    with connect(arguments.stack) as stack:
        seconds = backup.restore(stack, arguments.service, arguments.file)
    print(f"{arguments.service} has what {arguments.file} has; it was away for {seconds:.1f} s.")


def add_service(arguments: argparse.Namespace) -> None:
    row = new_service.add(arguments.name, arguments.prefix)
    print(f"services/{row.name}/ answers at {row.prefix}{row.call.lstrip('/')}.")
    print("It is in topology.py and Pulumi.yaml: `make up` deploys it, `make test` holds it.")


def add_secret(arguments: argparse.Namespace) -> None:
    named = new_secret.add(arguments.stack, arguments.name)
    print(f"{arguments.name} has a new value in stack {arguments.stack}: {', '.join(named)}.")


def add_certificate(arguments: argparse.Namespace) -> None:
    from tools.operate import new_certificate  # noqa: PLC0415  takes as long to load as all others

    file = new_certificate.add(arguments.stack, arguments.domain)
    print(f"Stack {arguments.stack} has a certificate for {arguments.domain}: `make up` serves it.")
    print(f"Browsers accept it once this machine trusts {file}: docs/https.md.")


def close_or_open(arguments: argparse.Namespace) -> None:
    closed = maintenance.switch(arguments.stack, arguments.turn, arguments.service)
    print(f"Closed: {', '.join(closed) or 'nothing'}.")


def _running(stack: Stack, service: str, number: int) -> Container:
    container = stack.replica(service, number)
    if container.status != "running":
        raise Problem(f"{container.name} is {container.status}", remedy="`make up` mends it")
    return container


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.operate", description=__doc__)
    parser.add_argument("--stack", default="dev")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, do, *arguments in (
        ("status", show_status),
        ("releases", show_releases),
        ("certificate", show_certificate),
        ("open", open_page),
        ("run", run_once, "service", "command"),
        ("backup", save_volumes, "service"),
        ("maintenance", close_or_open, "turn", "service"),
        ("new-service", add_service, "name", "prefix"),
        ("new-secret", add_secret, "name"),
        ("new-certificate", add_certificate, "domain"),
    ):
        verb = verbs.add_parser(name)
        verb.set_defaults(do=do)
        for argument in arguments:
            verb.add_argument(argument)
    following = verbs.add_parser("logs")
    following.add_argument("--service", default="")
    following.add_argument("--since", default="")
    following.set_defaults(do=follow_logs)
    inside = verbs.add_parser("shell")
    inside.add_argument("service")
    inside.add_argument("--number", type=int, default=1)
    inside.set_defaults(do=shell)
    restoring = verbs.add_parser("restore")
    restoring.add_argument("service")
    restoring.add_argument("file", type=Path)
    restoring.set_defaults(do=restore_volumes)
    return parser


if __name__ == "__main__":
    sys.exit(main())
