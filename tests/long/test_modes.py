"""A stack that is deployed changes its mode."""

from tests.support.contract import HELLO, ask
from tests.support.deployment import Deployment


def test_development_becomes_production_and_the_way_back_is_named(fresh: Deployment) -> None:
    fresh.up()
    fresh.config["mode"] = "production"
    fresh.up()
    assert ask(f"{fresh.url}/api/v1/say_hello")[2] == HELLO
    fresh.operate("preview", "--refresh", "--expect-no-changes")
    fresh.config["mode"] = "development"
    refused = fresh.up(check=False)
    assert refused.returncode != 0
    assert f"of network '{fresh.config['networkName']}-edge'; set another" in refused.stdout
    assert ask(f"{fresh.url}/api/v1/say_hello")[2] == HELLO
    fresh.config["subnet"] = "10.252.7.0/24"
    fresh.up()
    assert ask(f"{fresh.url}/api/v1/say_hello")[2] == HELLO
    fresh.operate("preview", "--refresh", "--expect-no-changes")
