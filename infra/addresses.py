"""A fixed address for each container, so that none is ever handed to another."""

import hashlib
from collections.abc import Sequence
from ipaddress import IPv4Network

BRIDGE, GATEWAY = 1, 2
FIRST = 8


def room(subnet: IPv4Network) -> int:
    """How many containers a network has addresses for, beside the gateway."""
    return subnet.num_addresses - 1 - FIRST


def assign(subnet: IPv4Network, names: Sequence[str]) -> dict[str, str]:
    """An address a name. It follows from the name, so that no other name moves with a new row.

    Raises ValueError when the network has too few addresses.
    """
    slots = room(subnet)
    if len(names) > slots:
        raise ValueError(f"{len(names)} containers, but {subnet} has room for {slots}")
    taken: dict[int, str] = {}
    for name in sorted(names):
        slot = int(hashlib.sha256(name.encode()).hexdigest(), 16) % slots
        while slot in taken:
            slot = (slot + 1) % slots
        taken[slot] = name
    return {name: str(subnet[FIRST + slot]) for slot, name in taken.items()}
