"""Copy the volumes of a service to a file, and back. The service is stopped meanwhile."""

import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from docker.models.containers import Container

from tools.operate.deployed import Stack
from tools.operate.once import refuse_a_swarm
from tools.setup import process
from tools.setup.errors import Problem
from topology import GATEWAY, SERVICES

FOLDER = Path("backups")
TAR = "tar --numeric-owner --directory /volumes"
LIMIT_SECONDS = 3600
HEALTHY_SECONDS = 120
POLL_SECONDS = 0.2


def save(stack: Stack, service: str) -> tuple[Path, float]:
    """Return the new file, which only its owner can read, and for how long the service was away."""
    container, volumes = _volumes_of(stack, service)
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{stack.name}-{service}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    partial = file.with_suffix(".partial")
    began = time.monotonic()
    try:
        with _stopped(container):
            partial.touch(mode=0o600, exist_ok=False)
            with partial.open("wb") as target:
                _run(stack, volumes, f"{TAR} --create .", output=target)
            partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    return file, time.monotonic() - began


def restore(stack: Stack, service: str, file: Path) -> float:
    """Replace the content of the service's volumes; return for how long the service was away."""
    container, volumes = _volumes_of(stack, service)
    _check(file, service, volumes)
    began = time.monotonic()
    with _stopped(container), file.open("rb") as source:
        empty = "find /volumes -mindepth 2 -delete"
        _run(stack, volumes, f"{empty} && {TAR} --extract --preserve-permissions", source=source)
    return time.monotonic() - began


def _volumes_of(stack: Stack, service: str) -> tuple[Container, Mapping[str, str]]:
    """Return the service's container, and its volumes: the row's name -> the engine's name."""
    container = stack.replica(service, 1)
    refuse_a_swarm(container, "back up the volume on its node")
    mounts = {mount["Destination"]: mount.get("Name", "") for mount in container.attrs["Mounts"]}
    folders = next((row.volumes for row in SERVICES if service in (row.name, row.container)), {})
    volumes = {name: mounts[folder] for name, folder in folders.items() if folder in mounts}
    if not volumes:
        raise Problem(f"S={service!r} has no volume", remedy="name a service whose row has one")
    return container, volumes


def _check(file: Path, service: str, volumes: Mapping[str, str]) -> None:
    """Raise Problem, before anything is changed, unless it is a whole backup of this service."""
    try:
        with tarfile.open(file) as archive:
            paths = [Path(member.name).parts for member in archive]
    except (OSError, tarfile.TarError) as error:
        raise Problem(f"FILE={file} cannot be read: {error}", remedy="name a backup") from None
    found = sorted({parts[0] for parts in paths if parts})
    if found != sorted(volumes):
        raise Problem(
            f"FILE={file} has {', '.join(found) or 'nothing'}; {service} has {', '.join(volumes)}",
            remedy=f"name a backup of {service}: those that `make backup S={service}` writes",
        )


@contextmanager
def _stopped(container: Container) -> Iterator[None]:
    """Stop the container during the block, and wait afterwards until it is healthy."""
    container.stop(timeout=container.attrs["Config"].get("StopTimeout") or 10)
    try:
        yield
    finally:
        container.start()
    deadline = time.monotonic() + HEALTHY_SECONDS
    container.reload()  # its health so far is from before the stop
    while container.health != "healthy":
        if time.monotonic() > deadline:
            raise Problem(
                f"{container.name} is not healthy after {HEALTHY_SECONDS} s",
                remedy="look at its log: make logs",
            )
        time.sleep(POLL_SECONDS)
        container.reload()


def _run(
    stack: Stack,
    volumes: Mapping[str, str],
    script: str,
    source: IO[bytes] | None = None,
    output: IO[bytes] | None = None,
) -> None:
    """Run a script in a container of the gateway's image that has the volumes in /volumes."""
    image = str(stack.replica(GATEWAY, 1).attrs["Image"])
    mounts = [f"--volume={volume}:/volumes/{name}" for name, volume in volumes.items()]
    command = ["docker", "run", "--rm", "--interactive", "--network=none", "--user=0"]
    process.run(
        *(*command, *mounts, "--entrypoint=sh", image, "-c", script),
        limit=LIMIT_SECONDS,
        source=source,
        output=output,
    )
