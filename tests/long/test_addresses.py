"""In production a new row leaves all existing containers alone, whatever its name."""

import shutil
from ipaddress import IPv4Network
from itertools import count

from infra import addresses
from tests.support.contract import HELLO, ask
from tests.support.deployment import Deployment


def colliding_with(container: str, subnet: IPv4Network) -> str:
    """A name whose hash picks the same address, and that sorts first."""
    (wanted,) = addresses.assign(subnet, [container]).values()
    names = (f"a_{number}" for number in count())
    return next(name for name in names if wanted in addresses.assign(subnet, [name]).values())


def add_a_row(one: Deployment, container: str) -> None:
    services = one.project / "services"
    shutil.copytree(services / "microservice1", services / "other")
    table = one.project / "topology.py"
    row = (
        f'Service(name="other", container="{container}", prefix="/other/", port=8080, host_port=1)'
    )
    table.write_text(table.read_text().replace(" = (\n", f" = (\n    {row},\n"))


def test_a_row_whose_address_is_taken_replaces_no_container(fresh: Deployment) -> None:
    fresh.config |= {"mode": "production", "replicas": "1"}
    fresh.up()
    before = {c.name: (c.id, c.attrs["State"]["StartedAt"]) for c in fresh.containers()}
    inner = next(IPv4Network(fresh.config["subnet"]).subnets())
    container = colliding_with("router_one", inner)
    add_a_row(fresh, container)
    fresh.up()
    after = {c.name: (c.id, c.attrs["State"]["StartedAt"]) for c in fresh.containers()}
    publisher = f"{fresh.prefix}frontend-site"  # runs once for each publication
    assert {name for name in after if after[name] != before.get(name)} == {
        publisher,
        f"{fresh.prefix}{container}",
    }
    assert ask(f"{fresh.url}/api/v1/say_hello")[2] == HELLO
    assert ask(f"{fresh.url}/other/healthz")[0] == 200
    fresh.operate("preview", "--refresh", "--expect-no-changes")
