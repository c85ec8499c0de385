"""A table of a stack's releases: what each changed, and whether it can be put back."""

import json
import sys
from collections.abc import Collection, Iterator
from typing import TextIO

from infra import history
from infra.history import Release
from tools.operate.deployed import Stack
from tools.operate.terminal import aligned
from tools.recover import backend
from tools.setup.errors import Problem

SHORT = 12  # characters of a digest
HEADING = ("release", "time", "who", "commit", "changed")
NO_RELEASES = "only mode production keeps releases, and `make up` of a newer version the first"


def show(stack: Stack, stream: TextIO = sys.stdout) -> None:
    """Write the releases, the newest first. Raises Problem if there are none."""
    output = backend.pulumi("stack", "output", "--json", "--stack", stack.name)
    releases = history.read(json.loads(output))
    if not releases:
        raise Problem(f"stack {stack.name} has no releases", NO_RELEASES)
    there = {tag for image in stack.engine.api.images() for tag in image["RepoTags"] or ()}
    stream.writelines(f"{line}\n" for line in table(releases, there))


def table(releases: tuple[Release, ...], there: Collection[str]) -> list[str]:
    """Return its lines. `there`: the tags that the engine has."""
    before = [Release(number=0, time="", who="", commit="", images={}), *releases]
    lines = [HEADING]
    for one, last in reversed(list(zip(releases, before, strict=False))):
        about = (str(one.number), one.time, one.who, one.commit)
        changed = [*_notes(one, there), *_changes(one, last)]
        lines += [(*about, changed[0])] if changed else [(*about, "")]
        lines += [("", "", "", "", more) for more in changed[1:]]
    return ["  ".join(line).rstrip() for line in aligned(lines)]


def _notes(one: Release, there: Collection[str]) -> Iterator[str]:
    if one.back_to:
        yield f"roll-back to {one.back_to}"
    for tag in one.images.values():
        if tag not in there:
            yield f"cannot be put back: {tag} is gone"


def _changes(one: Release, last: Release) -> Iterator[str]:
    """Yield the images and the base images that the release before did not have."""
    yield from (tag for name, tag in one.images.items() if last.images.get(name) != tag)
    yield from (f"without {name}" for name in last.images.keys() - one.images.keys())
    for name, digest in one.bases.items():
        if digest and last.bases.get(name) != digest:
            yield f"{name} {digest.rpartition(':')[2][:SHORT]}"
