"""Close services and the page, or open them again, in the configuration of a stack."""

import json
from collections.abc import Sequence

from tools.operate import stack_keys
from tools.setup.errors import Problem
from topology import GATEWAY, SERVICES

KEY = "maintenance"


def switch(stack: str, turn: str, service: str) -> Sequence[str]:
    """Set the key, and return what is closed now. No service means all of them and the page."""
    every = [GATEWAY, *(one.name for one in SERVICES)]
    if turn not in ("on", "off"):
        raise Problem("maintenance is turned on or off", remedy="make maintenance on S=NAME")
    if service and service not in every:
        raise Problem(f"S={service!r} is no service", remedy=f"take one of {', '.join(every)}")
    named = [service] if service else every
    before = json.loads(stack_keys.get(stack, KEY) or "[]")
    keeps = [name for name in before if name not in named]
    closed = [*keeps, *named] if turn == "on" else keeps
    stack_keys.remove(stack, KEY)
    for number, name in enumerate(closed):
        stack_keys.put(stack, f"{KEY}[{number}]", name.encode())
    return closed
