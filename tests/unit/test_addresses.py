"""Changes of the table leave addresses alone, and no update passes one to another container."""

import random
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from infra import addresses
from tests.support import configured

NAMES = [f"router_{number}" for number in range(100)]
SUBNET = IPv4Network("10.1.0.0/26")  # small, so that hashes often collide
MANY = 30
SEEDS = range(200)


def changed_tables(seed: int) -> Iterator[set[str]]:
    """Tables after each other: rows added, removed, renamed, replicas more and fewer."""
    chance = random.Random(seed)
    names: set[str] = set()
    for number in range(20):
        gone = set(chance.sample(sorted(names), k=min(len(names), chance.randrange(4))))
        names -= gone
        row = f"row{number}"
        names |= {row, *(f"{row}_{n}" for n in range(2, 2 + chance.randrange(3)))}
        renamed = chance.sample(sorted(gone), k=min(len(gone), 1))
        names |= {f"{name}_renamed" for name in renamed}
        while (
            len(names) > MANY // 2
        ):  # leave room: old and new names need an address at the same time
            names.remove(chance.choice(sorted(names)))
        yield set(names)


def test_no_change_of_the_table_moves_or_hands_over_an_address() -> None:
    for seed in SEEDS:
        there: dict[str, str] = {}
        for names in changed_tables(seed):
            now = addresses.assign(SUBNET, sorted(names), there, there.values())
            assert set(now) == names
            assert len(set(now.values())) == len(names)
            kept = names & there.keys()
            assert {name: now[name] for name in kept} == {name: there[name] for name in kept}, seed
            assert {now[name] for name in names - kept}.isdisjoint(there.values()), seed
            there = now


def test_hashes_collide_in_these_tables() -> None:
    """Or the test above proves nothing: alone, most tables would give some name another address."""
    moved = 0
    for seed in SEEDS:
        tables = list(changed_tables(seed))
        before, after = (addresses.assign(SUBNET, sorted(names)) for names in tables[-2:])
        moved += any(before[name] != after[name] for name in before.keys() & after.keys())
    assert moved > len(SEEDS) / 10


def test_the_order_of_the_rows_moves_nothing() -> None:
    subnet = IPv4Network("172.31.240.0/24")
    forwards = addresses.assign(subnet, NAMES)
    assert addresses.assign(subnet, NAMES[::-1]) == forwards
    assert len(set(forwards.values())) == len(NAMES)


def test_another_subnet_gives_all_new_addresses() -> None:
    there = addresses.assign(SUBNET, NAMES[:MANY])
    other = IPv4Network("10.2.0.0/26")
    moved = addresses.assign(other, NAMES[:MANY], there, there.values())
    assert moved == addresses.assign(other, NAMES[:MANY])


def test_a_full_network_says_so() -> None:
    """The addresses of those that are removed are free in the next update, not in this one."""
    room = addresses.room(SUBNET)
    there = addresses.assign(SUBNET, NAMES[:room])
    assert addresses.assign(SUBNET, NAMES[:room], there, there.values()) == there
    with pytest.raises(ValueError, match=rf"{SUBNET} has room for {room} .* 1 new container"):
        addresses.assign(SUBNET, [*NAMES[1:room], "another"], there, there.values())


def test_a_container_is_known_by_its_full_name() -> None:
    """One of the same name without the stack's prefix is another's, and its address is taken."""
    plain = configured.read({"namePrefix": "own-"})
    wanted = plain.addresses["router_one"]
    elsewhere = str(plain.subnet[200])
    mine = replace(plain, on_network={"own-router_one": elsewhere})
    others = replace(plain, on_network={"router_one": wanted})
    assert mine.addresses["router_one"] == elsewhere
    assert others.addresses["router_one"] not in (wanted, elsewhere)


def test_a_service_runs_if_one_of_its_replicas_is_on_the_network() -> None:
    plain = configured.read({"namePrefix": "own-", "mode": "production", "replicas": "2"})
    first, second = plain.replicas
    one = replace(plain, on_network={f"own-{first.container}_2": "10.0.0.1"})
    assert one.is_running(first)
    assert not one.is_running(second)
    assert not plain.is_running(first)
