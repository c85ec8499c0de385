"""The prices of edits: of all in development, and of edits of a production stack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.support.deployment import Deployment
from tests.support.edits import ONE, TWO, config, of_service, write
from tools.price.effects import (
    BEHIND_THE_GATEWAY_SECONDS,
    GAP_SECONDS,
    Effect,
    Item,
    Price,
    Step,
    logged,
    price,
)

KINDS = {"container": "docker:index/container:Container", "network": "docker:index/network:Network"}
# What every container of a development stack has.
INPUTS = {"name": "n", "ports": [{}], "networksAdvanced": [{"name": "n"}], "restart": "always"}


def in_development(steps: Mapping[str, str]) -> Price:
    """Return the price of an edit's steps: resource -> operation and changed properties."""
    return price(_step(resource, text.split()[0]) for resource, text in steps.items())


def _step(resource: str, op: str) -> Step:
    name, _, kind = resource.partition(" ")
    component = f"urn::WebService::{name}"
    side = {"parent": component, "inputs": INPUTS}
    urn = f"urn::{KINDS[kind]}::{name}" if kind in KINDS else component
    return {"op": op, "urn": urn, "old": side, "new": side}


def up(deployment: Deployment) -> Price:
    """Update the stack, and return the price by the events of this update."""
    log = deployment.project.with_name("events")
    log.unlink(missing_ok=True)
    deployment.environment["PULUMI_DEBUG_COMMANDS"] = "true"  # without it there is no --event-log
    deployment.up("--event-log", str(log))
    return price(logged(log))


def costs(found: Price) -> set[tuple[str, Effect, int | None]]:
    return {
        (item.name, item.effect, item.seconds)
        for item in found.items
        if item.effect != Effect.NOTHING
    }


@dataclass(frozen=True, kw_only=True)
class Priced:
    """An edit of a production stack with two replicas a service, and what it costs."""

    what: str
    apply: Callable[[Deployment], None]
    costs: tuple[Item, ...]


def items(effect: Effect, *names: str, seconds: int | None = None) -> tuple[Item, ...]:
    return tuple(Item(urn="", name=name, effect=effect, seconds=seconds) for name in names)


def drained(*names: str) -> tuple[Item, ...]:
    return items(Effect.DRAINED, *names)


RELOAD = items(Effect.RELOAD, "frontend-site")
BOTH = tuple(f"{name}{number}" for name in (ONE, TWO) for number in ("", "-2"))
GATEWAY = ("frontend", "frontend-nginx")

# Those of a round are made together. Each builds on those before.
ROUNDS: tuple[tuple[Priced, ...], ...] = (
    (
        Priced(
            what="page",
            apply=write("frontend/index.html", "", "<!-- edited -->\n"),
            costs=RELOAD,
        ),
        Priced(what="nginx.conf", apply=write("nginx/nginx.conf", "", "# edited\n"), costs=RELOAD),
        Priced(
            what="code of a service",
            apply=write(f"services/{ONE}/app.py", "", "# edited\n"),
            costs=drained(ONE, f"{ONE}-2"),
        ),
        Priced(what="memory", apply=of_service(TWO, memory=160), costs=()),
    ),
    (
        Priced(
            what="chassis",
            apply=write("services/chassis/log.py", "", "# edited\n"),
            costs=drained(*BOTH),
        ),
        Priced(what="rateLimit", apply=config("rateLimit", "5000"), costs=RELOAD),
        Priced(
            what="two replicas become three",
            apply=of_service(ONE, replicas=3),
            costs=RELOAD,
        ),
    ),
    (
        Priced(
            what="image of the gateway",
            apply=write("nginx/gateway", "", "# edited\n"),
            costs=drained("frontend-nginx") + RELOAD,
        ),
        Priced(
            what="two replicas become one",
            apply=of_service(TWO, replicas=1),
            costs=drained(f"{TWO}-2") + RELOAD,
        ),
    ),
    (
        Priced(
            what="logOptions, with three replicas of one service and one of the other",
            apply=config("logOptions", {"max-size": "5m"}),
            costs=drained(ONE, f"{ONE}-2", f"{ONE}-3")
            + items(Effect.GAP, TWO, seconds=BEHIND_THE_GATEWAY_SECONDS)
            + items(Effect.GAP, *GATEWAY, seconds=GAP_SECONDS)
            + RELOAD,
        ),
    ),
    (
        Priced(
            what="subnet",
            apply=config("subnet", "10.127.4.0/24"),
            costs=items(Effect.GAP, ONE, f"{ONE}-2", f"{ONE}-3", TWO, *GATEWAY) + RELOAD,
        ),
    ),
)
