"""python -m tools.recover.presence --stack NAME: check that the stack is on this engine.

`make preview` calls it first: on another engine, a preview shows the whole stack as created.
"""

import argparse
import sys

from infra import docker_host
from infra.engine import EngineError, client
from tools.recover import backend, state
from tools.recover.state import State
from tools.setup.errors import Problem

# Their IDs are unique. A volume's ID is its name, which may exist on another engine too.
KINDS = ("docker:index/container:Container", "docker:index/network:Network")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.recover.presence", description=__doc__)
    parser.add_argument("--stack", required=True, metavar="NAME")
    name = parser.parse_args().stack
    try:
        check(name, _state(name))
    except Problem as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 1
    except (EngineError, OSError) as error:
        what = f"cannot check whether stack {name} is on this engine"
        print(Problem(what, str(error), "`docker info` shows whether one answers"), file=sys.stderr)  # noqa: T201
        return 1
    return 0


def check(name: str, current: State) -> None:
    """Raise Problem if the engine has none of the stack's containers and networks."""
    recorded = {r["id"] for r in current.resources if r["type"] in KINDS}
    if not recorded:
        return
    with client() as engine:
        here = {one["Id"] for one in (*engine.api.containers(all=True), *engine.api.networks())}
        name_of_engine = engine.info().get("Name")
    if recorded.isdisjoint(here):
        raise Problem(
            f"none of stack {name}'s {len(recorded)} containers and networks is on the engine "
            f"{name_of_engine}, at {docker_host.resolve().address}",
            "a preview would show the whole stack as created",
            f"run it where stack {name} is deployed, or set DOCKER_HOST. If somebody removed them "
            f"from this engine: `make up STACK={name}` creates them again, and "
            f"`pulumi preview --refresh --stack {name}` shows that",
        )


def _state(name: str) -> State:
    try:
        return state.load(backend.find(name)) or state.EMPTY
    except ValueError as error:
        raise Problem(str(error), remedy=f"make recover STACK={name}") from None


if __name__ == "__main__":
    sys.exit(main())
