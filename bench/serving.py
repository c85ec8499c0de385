"""Requests through the gateway, to the page, and directly to a service."""

import statistics
from collections.abc import Sequence
from functools import partial

from docker.models.containers import Container

from bench import stacks, wrk
from bench.results import TUTORIAL
from bench.rows import Row, in_turns, rates, ratios
from bench.stacks import Stack
from bench.wrk import Load
from tools.setup.progress import Progress

HELLO = b'{"Code":2000,"Message":"Hello Microservice1"}'


class Pairs:
    """Puts the same load on both stacks in turns."""

    def __init__(self, ours: Stack, theirs: Stack, *, rounds: int, seconds: int) -> None:
        self.ours, self.theirs = ours, theirs
        self.rounds, self.seconds = rounds, seconds
        self.compared = 0

    def run(
        self, path: str, body: bytes, connections: int, *, close: bool = False, rate: float = 0
    ) -> tuple[list[Load], list[Load]]:
        def load(stack: Stack) -> Load:
            url = stack.restart_gateway() + path
            with wrk.watched(url, body) as compared:
                done = wrk.run(
                    url,
                    connections=connections,
                    seconds=self.seconds,
                    close=close,
                    rate=rate or None,
                )
            self.compared += compared[0]
            return done

        both = {"ours": partial(load, self.ours), "theirs": partial(load, self.theirs)}
        results = in_turns(self.rounds, both)
        return results["ours"], results["theirs"]


def through_the_gateway(pairs: Pairs, show: Progress) -> list[Row]:
    path, page = pairs.ours.path, (stacks.PAGE / "index.html").read_bytes()
    with show.step("serving", "32 connections"):
        ours, theirs = pairs.run(path, HELLO, 32)
    half = statistics.median(one.rate for one in theirs) / 2
    with show.step("serving", f"at half the tutorial's peak rate, {half:.0f} requests/s"):
        ours_half, theirs_half = pairs.run(path, HELLO, 32, rate=half)
    with show.step("serving", "256 connections"):
        many = pairs.run(path, HELLO, 256)
    with show.step("serving", "a new connection for each request"):
        fresh = pairs.run(path, HELLO, 32, close=True)
    with show.step("serving", "the page"):
        pages = pairs.run("/", page, 32)
    return [
        _rate_row("requests/s through the gateway, 32 connections, keep-alive", ours, theirs, 4.0),
        _latency_row("p99 latency, same load", ours, theirs, 0.5),
        _latency_row("p99 latency, at half the tutorial's peak rate", ours_half, theirs_half, 0.25),
        _rate_row("256 connections", *many, 1.5),
        _rate_row("a client that opens a new connection each time", *fresh, 1.1),
        _rate_row("the page", *pages, 1.3),
    ]


def _rate_row(what: str, ours: Sequence[Load], theirs: Sequence[Load], goal: float) -> Row:
    mine, other = [one.rate for one in ours], [one.rate for one in theirs]
    return Row(
        what=what,
        paired_with=TUTORIAL,
        values=ratios(mine, other),
        at_least=goal,
        detail=rates(mine, other),
    )


def _latency_row(what: str, ours: Sequence[Load], theirs: Sequence[Load], goal: float) -> Row:
    mine, other = [one.p99 for one in ours], [one.p99 for one in theirs]
    detail = f"{statistics.median(mine):.2g} and {statistics.median(other):.2g} ms"
    return Row(
        what=what, paired_with=TUTORIAL, values=ratios(mine, other), at_most=goal, detail=detail
    )


def cpu_time(pairs: Pairs, show: Progress) -> list[Row]:
    """Measure the CPU microseconds of a request in the gateway and in the service."""
    found: dict[str, list[float]] = {}
    with show.step("serving", "CPU time a request"):
        for _ in range(pairs.rounds):
            for name, stack in (("", pairs.ours), (" of the tutorial", pairs.theirs)):
                url = stack.restart_gateway() + stack.path
                used = _used({"gateway": stack.gateway, "service": stack.service}, url)
                for part, value in used.items():
                    found.setdefault(part + name, []).append(value)
    return [
        Row(what=f"CPU time a request, {part}", paired_with="", values=tuple(values), unit="us")
        for part, values in sorted(found.items())
    ]


def _used(containers: dict[str, Container], url: str) -> dict[str, float]:
    before = {name: stacks.cpu_seconds(one) for name, one in containers.items()}
    done = wrk.run(url, connections=32, seconds=2)
    return {
        name: (stacks.cpu_seconds(one) - before[name]) * 1e6 / done.requests
        for name, one in containers.items()
    }


def per_core(pairs: Pairs, show: Progress) -> list[Row]:
    """Measure requests per CPU second: of the service, of its app on uvicorn, and of Go's."""
    stack = pairs.ours
    plain = _on_defaults(stack)
    go = pairs.theirs.service
    found: dict[str, list[float]] = {"ours": [], "plain": [], "go": []}
    try:
        plain.start()
        wrk.wait_for(f"http://{stacks.address_of(plain)}{stack.direct}")
        with show.step("serving", "a service without nginx, on uvicorn's defaults, and in Go"):
            for _ in range(pairs.rounds):
                for name, one in {"ours": stack.service, "plain": plain, "go": go}.items():
                    url = f"http://{stacks.address_of(one)}{stack.direct}"
                    before = stacks.cpu_seconds(one)
                    done = wrk.run(url, connections=32, seconds=pairs.seconds)
                    found[name].append(done.requests / (stacks.cpu_seconds(one) - before))
    finally:
        plain.remove(force=True)
    goals = {"plain": ("same app on uvicorn's defaults", 1.3), "go": ("Go's net/http", 0.4)}
    return [
        Row(
            what="requests/s of a service without nginx, per core",
            paired_with=paired,
            values=ratios(found["ours"], found[name]),
            at_least=goal,
            detail=rates(found["ours"], found[name]),
        )
        for name, (paired, goal) in goals.items()
    ]


def _on_defaults(stack: Stack) -> Container:
    return copy_of(stack, ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8080"])


def copy_of(stack: Stack, command: list[str]) -> Container:
    """Create a container from the service's image and sources, without starting it."""
    mount = next(m for m in stack.service.attrs["Mounts"] if m["Destination"] == "/app")
    return stack.engine.containers.create(
        stacks.image_of(stack.service),
        ["python3", "-m", *command] if command else None,
        name=f"{stack.service.name}-copy",
        network=stacks.network_of(stack.service),
        volumes=[f"{mount['Source']}:/app:ro"],
    )
