"""Each edit of a production stack costs what its price says: a loss if it says so, else none."""

from collections.abc import Sequence

import pytest

from tests.support.deployment import Deployment
from tests.support.load import load
from tests.support.notes import note
from tests.support.priced import ROUNDS, Priced, costs, up
from tests.support.updates import REQUESTS_PER_SECOND, explained, mixed, page, wait_relieved
from tools.price.clients import Clients, routes
from tools.price.effects import Price


def outputs(deployment: Deployment) -> dict[str, object]:
    """Return those that `make up` reads before it begins."""
    prefixes = ("/api/v1/", "/api/v2/")
    services = {prefix: {"url": deployment.url + prefix} for prefix in prefixes}
    return {"url": deployment.url, "services": services}


def names(edits: Sequence[Priced]) -> str:
    return ", ".join(edit.what for edit in edits)


@pytest.mark.parametrize("edits", ROUNDS, ids=names)
def test_a_price(production: Deployment, edits: Sequence[Priced]) -> None:
    """All rounds run on one deployment, each on top of those before."""
    wait_relieved(production)
    old = page(production)
    for edit in edits:
        edit.apply(production)
    with load(production.url, mixed(production, old), rate=REQUESTS_PER_SECOND) as report:
        clients = Clients(lambda: routes(outputs(production), "127.0.0.1"))
        found = up(production)
        seen = clients.end()
    note(f"price of {names(edits)}", f"{found.line()}\n{seen}\n{report.summary()}")
    assert costs(found) == costs(Price(tuple(item for edit in edits for item in edit.costs)))
    assert (report.lost > 0) == found.loses, explained(production, report)
    assert (seen.lost > 0) == found.loses, seen.evidence()
    assert seen.asked > 3
    assert report.sent > REQUESTS_PER_SECOND
