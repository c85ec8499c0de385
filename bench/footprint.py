"""The footprint of a service: start time, memory, and image size on top of the base image."""

import datetime as dt
import statistics
import time

from bench import stacks, wrk
from bench.rows import Row
from bench.serving import copy_of
from bench.stacks import Stack
from tools.setup.progress import Progress


def start_time(stack: Stack, rounds: int, show: Progress) -> Row:
    copy = copy_of(stack, [])
    values, calls = [], []
    try:
        with show.step("footprint", "container start to first 200"):
            for _ in range(rounds):
                began = time.monotonic()
                copy.start()
                url = f"http://{stacks.address_of(copy)}{stack.direct}"
                wrk.wait_for(url)
                calls.append(time.monotonic() - began)
                values.append(time.time() - _started(copy.attrs["State"]["StartedAt"]))
                copy.stop(timeout=5)
    finally:
        copy.remove(force=True)
    detail = f"{statistics.median(calls):.2f} s with the engine's own part"
    return Row(
        what="container start to first 200",
        paired_with="",
        values=tuple(values),
        unit="s",
        at_most=0.35,
        detail=detail,
    )


def _started(text: str) -> float:
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = dt.datetime.fromisoformat(whole).replace(tzinfo=dt.UTC)
    return moment.timestamp() + float(f"0.{fraction or 0}")


def memory(stack: Stack, requests: int, show: Progress) -> list[Row]:
    """Measure memory before and after many requests, which bypass the gateway."""
    copy = copy_of(stack, [])  # run by the image's own command, without the supervisor of dev
    try:
        copy.start()
        url = f"http://{stacks.address_of(copy)}{stack.direct}"
        wrk.wait_for(url)
        idle = stacks.memory_megabytes(copy)
        with show.step("footprint", f"memory over {requests:,} requests"):
            done = wrk.run(url, connections=32, seconds=2).requests
            warm = stacks.memory_megabytes(copy)
            while done < requests:
                done += wrk.run(url, connections=32, seconds=5).requests
            after = stacks.memory_megabytes(copy)
    finally:
        copy.remove(force=True)
    return [
        Row(
            what="memory of a service, idle", paired_with="", values=(idle,), unit="MB", at_most=30
        ),
        Row(
            what="memory of a service, after load",
            paired_with="",
            values=(after,),
            unit="MB",
            at_most=30,
        ),
        Row(
            what=f"its growth over {requests:,} requests",
            paired_with="",
            values=(after - warm,),
            unit="MB",
            at_most=0.5,
            detail="beyond the first two seconds of load",
        ),
    ]


def image_size(stack: Stack, base: str) -> Row:
    # An image's own size says something else in a containerd store, which keeps packed layers too.
    own, others = (
        sum(layer["Size"] for layer in image.history())
        for image in (stacks.image_of(stack.service), stack.engine.images.get(base))
    )
    beyond = (own - others) / 1e6
    return Row(
        what="image of a service beyond its base",
        paired_with="",
        values=(beyond,),
        unit="MB",
        at_most=15,
    )
