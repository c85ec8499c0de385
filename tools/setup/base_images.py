"""Get the base images: pull the official ones, or build stand-ins until that is possible."""

import json
import threading
import time
from collections.abc import Sequence

from tools.setup import paths, process, standin
from tools.setup.errors import NO_NETWORK, explain
from tools.setup.progress import Progress

PULL_BEGINS_WITHIN = 8.0
OUT_OF_REACH = "its registry cannot be reached"
DAY = 24 * 60 * 60

_silent: set[str] = set()  # registries that did not answer in this run


def ensure(show: Progress, names: Sequence[str]) -> None:
    there = present(names)
    missing = []
    for name in names:
        if there.get(name) is False:
            continue
        if name in there and not _due(registry(name)):
            show.note("images", f"{name} is a stand-in built from Debian packages: {OUT_OF_REACH}")
        elif not _pulled(show, name) and name not in there:
            missing.append(name)
    if missing:
        process.in_parallel(*(_maker(show, name) for name in missing))
    elif all(there.get(name) is False for name in names):
        show.note("images", f"{', '.join(names)} are there")


def update(show: Progress, names: Sequence[str]) -> None:
    """Pull newer versions of the images, and rebuild stand-ins that cannot be pulled."""
    there = present(names)
    old = [name for name in names if not _pulled(show, name) and there.get(name, True)]
    if old:
        process.in_parallel(*(_maker(show, name) for name in old))


def present(names: Sequence[str]) -> dict[str, bool]:
    """Return for each of the images that the engine has whether it is a stand-in."""
    form = "{{json .RepoTags}} {{json .Config.Labels}}"
    found: dict[str, bool] = {}
    for name in names:
        try:
            said = process.run("docker", "image", "inspect", "--format", form, name, limit=30)
        except process.FailedError:
            continue
        found[name] = f'"{standin.LABEL}":"true"' in said
    return found


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
    for line in child.stdout or ():
        timer.cancel()  # docker prints its first line when it has the manifest
        lines.append(line.strip())
    code = child.wait()
    timer.cancel()
    process.forget(child)
    return None if code == 0 else _reason(lines)


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
        what = f"building a stand-in for {self.name} from Debian packages"
        with self.show.step("images", what) as step:
            try:
                standin.make(self.name)
            except process.FailedError as failed:
                remedy = f"get {self.name} with docker pull or docker load, then run it again"
                raise explain(
                    f"{self.name} could not be built or pulled", failed.output, remedy
                ) from None
            step.says(f"built a stand-in for {self.name} from Debian packages")


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
