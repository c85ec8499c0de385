"""A container's address follows from the names, not from the order of the table's rows."""

from ipaddress import IPv4Network

from infra import addresses

NAMES = [f"router_{number}" for number in range(100)]


def test_the_order_of_the_rows_moves_nothing() -> None:
    subnet = IPv4Network("172.31.240.0/24")
    forwards = addresses.assign(subnet, NAMES)
    assert addresses.assign(subnet, NAMES[::-1]) == forwards
    assert len(set(forwards.values())) == len(NAMES)
