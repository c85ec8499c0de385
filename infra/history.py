"""The releases of a stack: a record for each update that changed an image, and which to go back to.

Pure, so that the tools list them without loading Pulumi.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT = 10  # releases, with their images
OUTPUT = "releases"  # of the stack
LAST = "last"  # the last good release, where a number may be given


class RefusedError(Exception):
    """There is no release to go back to; the message says why, and what there is."""


@dataclass(frozen=True, kw_only=True)
class Release:
    number: int
    time: str
    who: str
    commit: str  # "+" after it: the working tree had edits; empty: it was no git repository
    images: Mapping[str, str]  # what it is of -> tag
    bases: Mapping[str, str] = field(default_factory=dict)  # base image -> digest
    back_to: int = 0  # the release that it put back; 0 for one from a working tree

    def said(self) -> str:
        return (
            f"{self.number} is a roll-back to {self.back_to}" if self.back_to else f"{self.number}"
        )

    def as_output(self) -> dict[str, Any]:
        return asdict(self)


def read(outputs: Mapping[str, Any]) -> tuple[Release, ...]:
    """Return the releases in the outputs of a stack, the oldest first."""
    return tuple(
        Release(
            number=int(one["number"]),
            time=one["time"],
            who=one["who"],
            commit=one["commit"],
            images=one["images"],
            bases=one["bases"],
            back_to=int(one["back_to"]),
        )
        for one in outputs.get(OUTPUT) or ()
    )


def is_another(former: Sequence[Release], images: Mapping[str, str], back_to: int) -> bool:
    """Return whether an update to these images makes a release.

    One that leaves a roll-back does, also without another image.
    """
    if not former or former[-1].images != images:
        return True
    return bool(former[-1].back_to) and not back_to


def choose(former: Sequence[Release], wanted: str, running: Collection[str]) -> Release:
    """Return the release of that number, or the last good one. Raises RefusedError.

    `running`: the tags of the stack's containers. Of an update that did not end, they tell what was
    to be put back: a roll-back goes on, and any other ends at the release before it.
    """
    if not former:
        raise RefusedError("there is no release yet; `make up` makes the first one")
    if wanted != LAST:
        found = [one for one in former if str(one.number) == wanted]
        if not found:
            raise RefusedError(f"{wanted!r} is no release; there are {_numbers(former)}")
        return found[0]
    current = former[-1]
    if unfinished := set(running) - set(current.images.values()):
        back = (one for one in reversed(former) if unfinished <= set(one.images.values()))
        return next(back, current)
    at = current.back_to or current.number
    good = [one for one in former if one.number < at and not one.back_to]
    if earlier := [one for one in good if one.images != current.images]:
        return earlier[-1]
    raise RefusedError(
        f"there is none before release {current.said()}; there are {_numbers(former)}"
    )


def images_of(release: Release, former: Sequence[Release], needed: Iterable[str]) -> dict[str, str]:
    """Return the release's image of all that is needed, and the newest of what it had none of.

    Raises RefusedError if no release has one.
    """
    known = {name: tag for one in former for name, tag in one.images.items()} | {**release.images}
    names = list(needed)
    if missing := [name for name in names if name not in known]:
        raise RefusedError(
            f"no release has an image of {', '.join(missing)}; `make up` deploys what is new in "
            "topology.py, so take it out for the roll-back"
        )
    return {name: known[name] for name in names}


def _numbers(releases: Iterable[Release]) -> str:
    return ", ".join(str(one.number) for one in releases)
