"""A table of a stack's containers: health, uptime, restarts, memory and address."""

import sys
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from typing import TextIO

import docker
from docker.models.containers import Container

from infra import labels
from infra.engine import runs_once
from tools.operate import certificate, memory
from tools.operate.deployed import Stack, url
from tools.operate.terminal import GREEN, RED, aligned, paint
from tools.setup.errors import Problem

GOOD = ("healthy", "done")
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, kw_only=True)
class Row:
    container: str
    image: str
    health: str
    uptime: str = ""
    restarts: str = ""
    memory: str = ""
    url: str = ""


def show(stack: Stack, stream: TextIO = sys.stdout) -> bool:
    """Write the table, and return whether everything runs and is healthy."""
    containers = stack.containers()
    if not containers:
        raise Problem(f"stack {stack.name} has no containers", remedy="`make up` deploys it")
    rows = [row(container) for container in containers]
    rows += [Row(container=name, image="", health="missing") for name in stack.missing()]
    stream.writelines(f"{line}\n" for line in table(rows, stream))
    if certifier := certificate.of(containers):
        stream.write(f"certificate of {certificate.said(certifier)}\n")
    return all(one.health in GOOD for one in rows)


def row(container: Container) -> Row:
    running = container.status == "running"
    used = memory.used(container)
    return Row(
        container=str(container.name),
        image=_tag(container),
        health=health(container),
        uptime=since(container.attrs["State"]["StartedAt"]) if running else "",
        restarts=str(container.attrs["RestartCount"]),
        memory=f"{used / 2**20:.0f} MiB" if used else "",
        url=url(container),
    )


def health(container: Container) -> str:
    state = container.attrs["State"]
    if container.status == "running":
        return str(state.get("Health", {}).get("Status", "running"))
    return "done" if runs_once(container) and state["ExitCode"] == 0 else container.status


def since(started: str, now: datetime | None = None) -> str:
    uptime = (now or datetime.now(UTC)) - datetime.fromisoformat(started).replace(microsecond=0)
    seconds = max(0, int(uptime.total_seconds()))  # the engine's clock may be ahead
    size, unit = next((one for one in UNITS if seconds >= one[0]), UNITS[-1])
    return f"{seconds // size} {unit}"


def table(rows: list[Row], stream: TextIO) -> list[str]:
    heading = tuple(field.name for field in fields(Row))
    lines = aligned([heading, *(astuple(one) for one in rows)])
    for line, one in zip(lines[1:], rows, strict=True):
        line[2] = paint(line[2], GREEN if one.health in GOOD else RED, stream)
    return ["  ".join(line).rstrip() for line in lines]


def _tag(container: Container) -> str:
    try:
        tags = container.image.tags if container.image else []
    except docker.errors.ImageNotFound:
        tags = []
    declared = container.labels.get(labels.IMAGE)  # others may name the same image
    if declared in tags:
        return str(declared)
    return str(tags[0] if tags else container.attrs["Image"][:19])
