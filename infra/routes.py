"""The routes of this machine, which a Docker network must not hide."""

import sys
from collections.abc import Container, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

TABLE = Path("/proc/net/route")  # of Linux; elsewhere Docker's networks are in a virtual machine
# Wider routes are left out: a default route, or a VPN's route to all private networks.
WIDEST = 16


def overlapping(subnet: IPv4Network, known: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield the destination and the interface of each route that overlaps the subnet.

    `known` are Docker's own subnets, whose routes do not count.
    """
    lines = TABLE.read_text().splitlines()[1:] if TABLE.exists() else []
    for interface, destination, _, _, _, _, _, mask, *_ in map(str.split, lines):
        route = IPv4Network(f"{_address(destination)}/{_address(mask)}")
        if route.prefixlen >= WIDEST and route.overlaps(subnet) and str(route) not in known:
            yield str(route), interface


def _address(number: str) -> IPv4Address:
    """Return the address of a hexadecimal number in the machine's byte order."""
    return IPv4Address(int(number, 16).to_bytes(4, sys.byteorder))
