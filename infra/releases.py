"""Records the releases of a production stack in its outputs, keeps their images, and puts one back.

The stack's own outputs are the only place that knows them.
"""

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import pulumi

from infra import drift, engine, history, images, sources
from infra.history import Release
from infra.settings import ACME, Settings
from infra.target import Parts
from topology import CERTIFIER, GATEWAY, PUBLISHER

VARIABLE = "ROLL_BACK_TO"  # in the environment: a release's number, or `last`
READ = "pulumi:pulumi:readStackOutputs"
READ_SECONDS, GIT_SECONDS = 20, 20


@dataclass(frozen=True)
class Past:
    """The releases until now, and the one that this run puts back."""

    releases: tuple[Release, ...] = ()
    back_to: Release | None = None


def load(settings: Settings) -> tuple[Settings, Past]:
    """Return the stack's releases, and the settings with the images that a roll-back deploys.

    Ends the program if the roll-back is not possible, before anything is changed.
    """
    wanted = os.environ.get(VARIABLE, "")
    if not settings.production:
        if wanted:
            raise _refused(_NOT_IN[settings.mode])
        return settings, Past()
    former = history.read(_own_outputs())
    if not wanted:
        if former and former[-1].back_to:
            pulumi.log.info(
                f"Release {former[-1].said()}; this update goes on from the working tree."
            )
        return settings, Past(former)
    try:
        release = history.choose(former, wanted, drift.tags_in_use())
        tags = history.images_of(release, former, _needed(settings))
    except history.RefusedError as error:
        raise _refused(str(error)) from None
    if gone := [tag for tag in tags.values() if not drift.is_there(tag)]:
        raise _refused(
            f"{', '.join(gone)} of release {release.number} is not on the engine any more, or "
            "names another image; take another release, or check out its commit"
            f"{release.commit and f' {release.commit}'} and run `make up`"
        )
    pulumi.log.info(
        f"Roll-back to release {release.number} of {release.time}: images, page and gateway "
        "configuration. Data, secrets, the configuration and topology.py stay as they are."
    )
    return replace(settings, tags=tags), Past(former, release)


def record(past: Past, settings: Settings, services: Mapping[str, Parts], gateway: Parts) -> None:
    """Export the releases, and keep the images of the last ten."""
    if not settings.production:
        return
    built = {n: image for part in (*services.values(), gateway) for n, image in part.images.items()}
    tags = {name: image.pulumi_resource_name for name, image in built.items()}
    releases: list[pulumi.Input[dict[str, Any]]] = [one.as_output() for one in past.releases]
    kept = past.releases
    if history.is_another(past.releases, tags, past.back_to.number if past.back_to else 0):
        new = _release(past, tags)
        kept = (*past.releases, new)
        # The bases are on the engine once the images are built.
        ids = pulumi.Output.all(*(image.image_id for image in built.values()))
        releases.append(ids.apply(lambda _: _with_bases(new, settings).as_output()))
    pulumi.export(history.OUTPUT, releases[-history.KEPT :])
    owners = {**services, **dict.fromkeys((GATEWAY, PUBLISHER, CERTIFIER), gateway)}
    _keep(kept[-history.KEPT :], owners, set(tags.values()))


def _keep(releases: Sequence[Release], owners: Mapping[str, Parts], declared: set[str]) -> None:
    """Declare the images of releases that do not run now. Pulumi removes those of older ones."""
    for release in releases:
        for name, tag in release.images.items():
            if tag not in declared and name in owners and drift.is_there(tag):
                declared.add(tag)
                images.kept(tag, parent=cast("pulumi.Resource", owners[name]))


def _release(past: Past, tags: Mapping[str, str]) -> Release:
    number = past.releases[-1].number + 1 if past.releases else 1
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = Release(number=number, time=now, who=_who(), commit="", images=tags)
    if back := past.back_to:
        return replace(
            new, commit=back.commit, bases=back.bases, back_to=back.back_to or back.number
        )
    return replace(new, commit=_commit())


def _with_bases(release: Release, settings: Settings) -> Release:
    if release.back_to:
        return release
    found = {name: _digest(name) for name in (settings.python_image, settings.nginx_image)}
    return replace(release, bases=found)


def _digest(image: str) -> str:
    """Return the digest in the registry that it came from, or its ID if it came from none."""
    try:
        with engine.client() as client:
            found: dict[str, Any] = client.images.get(image).attrs
    except engine.EngineError:  # BuildKit does not leave every base among the images
        return ""
    digests = [digest.partition("@")[2] for digest in found.get("RepoDigests") or ()]
    return str((digests or [found["Id"]])[0])


def _needed(settings: Settings) -> list[str]:
    certifier = [CERTIFIER] if settings.tls.source == ACME else []
    return [*(row.name for row in settings.replicas), GATEWAY, PUBLISHER, *certifier]


def _own_outputs() -> dict[str, Any]:
    """Return the outputs that this stack's last whole update left.

    Pulumi is writing the state at the same time, and a file backend is read in the middle of that:
    it is asked again for a while.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    deadline = time.monotonic() + READ_SECONDS
    while True:
        try:
            found: Any = pulumi.runtime.invoke(READ, {"name": name}).value
        except Exception as error:  # noqa: BLE001  as the SDK raises it
            if time.monotonic() > deadline:
                why = f"nothing is changed, the stack's releases cannot be read: {error}"
                raise pulumi.RunError(why) from None
            time.sleep(0.2)
        else:
            return dict(found.get("outputs") or {})


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _commit() -> str:
    head = _git("rev-parse", "--short", "HEAD")
    return f"{head}+" if head and _git("status", "--porcelain") else head


def _git(*words: str) -> str:
    command = ["git", "-C", str(sources.ROOT), *words]
    try:
        done = subprocess.run(  # noqa: S603  fixed commands
            command, capture_output=True, text=True, check=False, timeout=GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


_NOT_IN = {
    "development": "this stack mounts its sources, so an older image would run today's code; "
    "check out the commit instead, and run `make up`",
    "swarm": "a swarm keeps the releases of its services itself; "
    "`docker service rollback NAME` goes back by one",
}


def _refused(why: str) -> pulumi.RunError:
    return pulumi.RunError(f"the roll-back is refused: {why}")
