"""Build a stand-in for an official image from Debian packages, where no registry answers."""

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from infra import bases
from tools.setup import apt, paths, process, python
from tools.setup.errors import Problem

LABEL = "microservices.standin"
SCRIPTS = paths.SETUP / "standins"
# Documentation, which the official images leave out too.
DOCUMENTATION = ("doc", "man", "locale", "info", "lintian")


@dataclass(frozen=True)
class Recipe:
    suite: str
    packages: str
    script: str
    config: dict[str, object]
    apt_options: tuple[str, ...] = field(default=())


RECIPES = {
    "python:3.13": Recipe(
        suite="trixie",
        packages="python3,python3-venv,ca-certificates",
        script="python.sh",
        config={
            "Cmd": ["python3"],
            "Env": [
                "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG=C.UTF-8",
            ],
        },
    ),
    "nginx:1.30": Recipe(
        suite="forky",
        packages="nginx,curl,ca-certificates",
        script="nginx.sh",
        config={
            "Cmd": ["nginx", "-g", "daemon off;"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "ExposedPorts": {"80/tcp": {}},
            "StopSignal": "SIGQUIT",
        },
        # The suite's Release file may be expired. Its signature is still checked.
        apt_options=('Acquire::Check-Valid-Until "false"',),
    ),
}


def recipe(name: str) -> Recipe:
    for start, found in RECIPES.items():
        if name == start or name.startswith((f"{start}-", f"{start}.")):
            return found
    raise Problem(
        f"{name} could not be built or pulled",
        "the engine does not have it, it cannot be pulled, and there is no stand-in for it",
        f"docker pull or docker load {name}, or configure one of {', '.join(RECIPES)}",
    )


def make(name: str) -> None:
    """Build the stand-in for the image of this name, and load it into the engine."""
    chosen = recipe(name)
    if not shutil.which("mmdebstrap"):
        apt.install("mmdebstrap", "debian-archive-keyring")
    paths.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.cache()) as folder:
        layer = Path(folder) / "layer.tar"
        _bootstrap(chosen, layer)
        archive = Path(folder) / "image.tar"
        _pack(name, chosen, layer, archive)
        process.run("docker", "load", "--quiet", "--input", archive)


def _bootstrap(chosen: Recipe, layer: Path) -> None:
    """Create a root file system from Debian's default mirror, or else from this machine's."""
    try:
        _mmdebstrap(chosen, layer)
    except process.FailedError:
        own = apt.mirror()
        if not own:
            raise
        _mmdebstrap(chosen, layer, own)


def _mmdebstrap(chosen: Recipe, layer: Path, *mirror: str) -> None:
    bundle = python.ca_bundle()
    options = [
        "--variant=minbase",
        f"--include={chosen.packages}",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in DOCUMENTATION),
        *(f"--aptopt={option}" for option in chosen.apt_options),
        f'--customize-hook="{SCRIPTS}/{chosen.script}" "$1"',
        f'--customize-hook="{SCRIPTS}/common.sh" "$1" "{bundle or ""}"',
    ]
    process.run(
        "mmdebstrap", *options, chosen.suite, layer, *mirror, environment={"TMPDIR": _scratch()}
    )


def _scratch() -> str:
    return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - mmdebstrap creates its own folder in it


def _pack(name: str, chosen: Recipe, layer: Path, archive: Path) -> None:
    """Write an archive for `docker load`: `docker import` cannot set a stop signal."""
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    config = {
        "architecture": _architecture(),
        "os": "linux",
        "config": {**chosen.config, "Labels": {LABEL: "true"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": f"Debian {chosen.suite}: {chosen.packages}"}],
    }
    manifest = [
        {"Config": "config.json", "RepoTags": [bases.stand_in(name)], "Layers": ["layer.tar"]}
    ]
    with tarfile.open(archive, "w") as tar:
        tar.add(layer, "layer.tar")
        _add(tar, "config.json", config)
        _add(tar, "manifest.json", manifest)


def _add(tar: tarfile.TarFile, name: str, content: object) -> None:
    text = json.dumps(content).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    tar.addfile(entry, io.BytesIO(text))


def _architecture() -> str:
    debian = process.run("dpkg", "--print-architecture").strip()
    return "arm" if debian.startswith("arm") and debian != "arm64" else debian
