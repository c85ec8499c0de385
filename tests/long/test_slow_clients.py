"""Slow clients of each kind, at the gateway's address and at the published port."""

from urllib.parse import urlsplit

import pytest

from tests.support.attack import KINDS, SLOW_CLIENTS, under_attack
from tests.support.deployment import Deployment
from tests.support.everyone_else import everyone_else

DIRECT = 3000
SECONDS = 15


# One kind is enough at the published port: Docker's proxy treats all connections alike.
WAYS = [("published", "idle"), *(("direct", kind) for kind in KINDS)]


@pytest.mark.parametrize(("way", "kind"), WAYS)
def test_slow_clients_slow_nobody_else(standing: Deployment, way: str, kind: str) -> None:
    url = urlsplit(standing.url)
    edge = f"{standing.config['networkName']}-edge"
    attached = standing.container("frontend").attrs["NetworkSettings"]["Networks"]
    attack = {
        "published": under_attack(kind, str(url.hostname), url.port or 80, SLOW_CLIENTS),
        "direct": under_attack(kind, attached[edge]["IPAddress"], 80, DIRECT, network=edge),
    }
    everyone_else(standing, attack[way], SECONDS)
