"""Serve the app.py of the working folder; with --live, each edited version once it can serve."""

import sys

USAGE = "usage: python3 -m chassis [--live]"


def main(arguments: list[str]) -> int | str:
    # Each imports only what it needs: the supervisor of --live runs beside the server.
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
