"""Serve the app.py of the working folder; with --live, reload it when it is edited."""

import sys

USAGE = "usage: python3 -m chassis [--live]"


def main(arguments: list[str]) -> int | str:
    # Imported late: the supervisor of --live is a second process, and should stay small.
    match arguments:
        case []:
            from chassis.server import Server  # noqa: PLC0415

            return Server().serve_until_stopped()
        case ["--live"]:
            from chassis import supervisor  # noqa: PLC0415

            return supervisor.run()
        case ["--inherited", listener, ready]:
            from chassis import live  # noqa: PLC0415

            return live.serve(int(listener), int(ready))
    return USAGE


sys.exit(main(sys.argv[1:]))
