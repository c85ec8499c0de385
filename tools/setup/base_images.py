"""Get the base images: pull the official ones, or build stand-ins until that is possible."""

import json
import threading
import time
from collections.abc import Sequence

from infra import bases
from tools.setup import paths, process, standin
from tools.setup.errors import NO_NETWORK, explain
from tools.setup.progress import Progress

PULL_BEGINS_WITHIN = 8.0
OUT_OF_REACH = "its registry cannot be reached"
ANSWER_SECONDS = 30
DAY = 24 * 60 * 60

_silent: set[str] = set()  # registries that did not answer in this run


def ensure(show: Progress, names: Sequence[str]) -> None:
    tags = _renamed(names)
    missing = []
    for name in names:
        if name in tags:
            continue
        has_stand_in = bases.stand_in(name) in tags
        if has_stand_in and not _due(registry(name)):
            show.note("images", f"{bases.stand_in(name)} is used for {name}: {OUT_OF_REACH}")
        elif not _pulled(show, name) and not has_stand_in:
            missing.append(name)
    if missing:
        process.in_parallel(*(_maker(show, name) for name in missing))
    elif tags.issuperset(names):
        show.note("images", f"{', '.join(names)} are there")


def update(show: Progress, names: Sequence[str]) -> None:
    """Pull newer versions of the images, and rebuild stand-ins that cannot be pulled."""
    tags = _renamed(names)
    old = [name for name in names if not _pulled(show, name) and name not in tags]
    if old:
        process.in_parallel(*(_maker(show, name) for name in old))


def are_there(names: Sequence[str]) -> bool:
    """Return whether the engine has each of the images, or its stand-in."""
    tags = _tags()
    return all(bases.on_engine(name, tags) in tags for name in names)


def on_engine(name: str) -> str:
    """Return the image, or its stand-in if the engine has only that."""
    return bases.on_engine(name, _tags())


def _renamed(names: Sequence[str]) -> set[str]:
    """Return the tags of all images, once no stand-in has an official name, as older ones had."""
    tags = _tags()
    if not tags.intersection(names):
        return tags
    for name in _tags("--filter", f"label={standin.LABEL}=true").intersection(names):
        process.run("docker", "tag", name, bases.stand_in(name), limit=ANSWER_SECONDS)
        process.run("docker", "image", "rm", name, limit=ANSWER_SECONDS)
        tags = tags - {name} | {bases.stand_in(name)}
    return tags


def _tags(*options: str) -> set[str]:
    listing = ("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", *options)
    return set(process.run(*listing, limit=ANSWER_SECONDS).split())


def registry(name: str) -> str:
    first, slash, _ = name.partition("/")
    return (
        first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
    )


def _pulled(show: Progress, name: str) -> bool:
    where = registry(name)
    if where in _silent:
        return False
    with show.step("images", f"pulling {name}") as step:
        if error := _pull(name):
            _silent.add(where)
            _note_failure(where)
            step.says(f"{name} cannot be pulled now: {error}")
            return False
        step.says(f"pulled {name}")
    return True


def _pull(name: str) -> str | None:
    """Pull an image. Return the error, or None; give up if the registry does not answer soon."""
    child = process.start("docker", "pull", name)
    timer = threading.Timer(PULL_BEGINS_WITHIN, child.terminate)
    timer.daemon = True
    timer.start()
    lines = []
    with child:
        for line in child.stdout or ():
            timer.cancel()  # docker prints its first line when it has the manifest
            lines.append(line.strip())
    timer.cancel()
    process.forget(child)
    return None if child.returncode == 0 else _reason(lines)


def _reason(lines: Sequence[str]) -> str:
    """Return the last line of the output, or OUT_OF_REACH for a network error."""
    last = (lines or [OUT_OF_REACH])[-1]
    return OUT_OF_REACH if any(sign in last.lower() for sign in NO_NETWORK) else last


def _maker(show: Progress, name: str) -> "_Make":
    return _Make(show, name)


class _Make:
    def __init__(self, show: Progress, name: str) -> None:
        self.show, self.name = show, name

    def __call__(self) -> None:
        own = bases.stand_in(self.name)
        with self.show.step("images", f"building {own} from Debian packages") as step:
            try:
                standin.make(self.name)
            except process.FailedError as failed:
                remedy = f"get {self.name} with docker pull or docker load, then run it again"
                raise explain(
                    f"{self.name} could not be built or pulled", failed.output, remedy
                ) from None
            step.says(f"built {own} from Debian packages, for {self.name}")


def _due(where: str) -> bool:
    """Return whether to try a registry again that could not be reached: at most once a day."""
    return time.time() - _failures().get(where, 0.0) > DAY


def _failures() -> dict[str, float]:
    try:
        noted: dict[str, float] = json.loads((paths.state() / "registries.json").read_text())
    except (OSError, ValueError):
        return {}
    return noted


def _note_failure(where: str) -> None:
    paths.state().mkdir(parents=True, exist_ok=True)
    noted = {**_failures(), where: time.time()}
    (paths.state() / "registries.json").write_text(json.dumps(noted))
