"""A fixed address for each container, so that Docker gives none to another container."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from topology import CERTIFIER, GATEWAY

BRIDGE = 1
SET_ASIDE = {GATEWAY: 2, CERTIFIER: 3}
FIRST = 8


def room(subnet: IPv4Network) -> int:
    """Return how many containers a network has addresses for, beside the gateway."""
    return subnet.num_addresses - 1 - FIRST


def assign(
    subnet: IPv4Network,
    names: Sequence[str],
    held: Mapping[str, str] | None = None,
    taken: Iterable[str] = (),
) -> dict[str, str]:
    """Return an address for each name: the one it holds, else a free one that its hash picks.

    `taken` are the addresses of all containers on the network, also of those that this update
    removes: none of them is given to another container in the same update.

    Raises ValueError when the network has too few addresses.
    """
    slots = {name: _slot(subnet, address) for name, address in (held or {}).items()}
    assigned = {name: slot for name in names if (slot := slots.get(name)) is not None}
    used = {_slot(subnet, address) for address in taken} - {None} | set(assigned.values())
    new = sorted(set(names) - set(assigned))
    if len(new) > room(subnet) - len(used):
        raise ValueError(
            f"{subnet} has room for {room(subnet)} containers of services; {len(used)} addresses "
            f"are taken until the update is done, and there are {len(new)} new containers"
        )
    for name in new:
        assigned[name] = _free(subnet, name, used)
        used.add(assigned[name])
    return {name: str(subnet[FIRST + slot]) for name, slot in assigned.items()}


def _slot(subnet: IPv4Network, address: str) -> int | None:
    slot = int(IPv4Address(address)) - int(subnet[FIRST])
    return slot if 0 <= slot < room(subnet) else None


def _free(subnet: IPv4Network, name: str, used: set[int | None]) -> int:
    slot = int(hashlib.sha256(name.encode()).hexdigest(), 16) % room(subnet)
    while slot in used:
        slot = (slot + 1) % room(subnet)
    return slot
