"""Docker engines newer than this machine's, from Debian packages or Go modules, on the rig.

`python -m tests.support.newer_engines VERSION COMMAND…` runs a command on one of them.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import base, go_module, rig
from tests.support.cached import partial_of
from tests.support.deployment import Deployment
from tools.setup import apt, paths, process
from tools.setup.errors import Problem

VERSIONS = ("28", "29")
DEBIAN = "forky"  # has 28
PACKAGES = "docker.io,containerd,runc,iptables,iproute2,procps,kmod,ca-certificates"
DOWNLOAD_SECONDS = 600
# Docker 29 is in no Debian release. The module and its checksum, as in go.sum.
MODULE = "github.com/moby/moby/v2"
MODULE_VERSION = "v2.0.0-beta.24"
MODULE_SUM = "h1:sWv7EckkDJhpraR9yUjkw1XeVf39+MWd58E22PYloNA="
# The engine's default from version 29 on.
CONTAINERD_STORE = ("--feature", "containerd-snapshotter=true")
OLDEST_API = "1.44"  # the default of released versions from 29 on


def wanted() -> list[str]:
    """Return the versions that are tested: ENGINES, or all."""
    return os.environ.get("ENGINES", " ".join(VERSIONS)).split()


class UnavailableError(Exception):
    """The engine cannot be had or cannot run here."""


class Reachable(Deployment):
    """A deployment on a node of the rig: its ports are published at the node's address."""

    def __init__(self, node: rig.Node, folder: Path, **config: object) -> None:
        self._node = node
        super().__init__(folder, bindAddress="0.0.0.0", **config)

    @property
    def url(self) -> str:
        return f"http://{self._node.address}:{self.config['frontendPort']}"


def installed(version: str) -> rig.Engine:
    """Return the engine, with the containerd image store. It is made once, into the cache.

    Raises UnavailableError, which says why.
    """
    if reason := rig.why_not() or _why_not():
        raise UnavailableError(reason)
    try:
        folder = _built() if version == "29" else _unpacked()
    except (Problem, process.FailedError) as error:
        raise UnavailableError(f"Docker {version} cannot be installed: {error}") from error
    return rig.Engine(folder, CONTAINERD_STORE, OLDEST_API)


def _why_not() -> str:
    if not Path("/bin").is_symlink():
        return "/bin is not in /usr, so another release cannot be mounted over /usr"
    return ""


def _unpacked() -> Path:
    folder = paths.cache() / "engines" / "28"
    if not folder.exists():
        with partial_of(folder) as partial:
            _unpack(partial)
    return folder


def _built() -> Path:
    """Return a copy of Docker 28's files with the dockerd and docker-proxy of the Go module."""
    folder = paths.cache() / "engines" / f"29-{MODULE_VERSION}"
    if not folder.exists():
        other = _unpacked()
        with partial_of(folder) as partial:
            for top in ("usr", "etc"):
                shutil.copytree(other / top, partial / top, symlinks=True, copy_function=os.link)
            for name in ("dockerd", "docker-proxy"):
                (partial / "usr" / "sbin" / name).unlink()
            _build(partial / "usr" / "sbin")
    return folder


def _unpack(folder: Path) -> None:
    if not shutil.which("mmdebstrap"):
        apt.install("mmdebstrap", "debian-archive-keyring")
    mirror = apt.mirror()
    process.run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={PACKAGES}",
        # The release may be expired. Its signature is still checked.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        DEBIAN,
        folder,
        *([mirror] if mirror else []),
        limit=DOWNLOAD_SECONDS,
    )


def _build(folder: Path) -> None:
    version = f"29.0.0-{MODULE_VERSION.partition('-')[2]}"
    flags = (
        "-gcflags=all=-dwarf=false",
        f"-ldflags=-s -w -X {MODULE}/dockerversion.Version={version}",
    )
    go_module.build(
        f"{MODULE}@{MODULE_VERSION}", MODULE_SUM, folder, "dockerd", "docker-proxy", flags=flags
    )


def main(version: str, *command: str) -> int:
    """Run the command in the network of a node with this engine, and return its exit code."""
    try:
        engine = installed(version)
    except UnavailableError as error:
        raise SystemExit(f"error: {error}") from None
    with rig.Rig(1, engine, has_registry=False) as machines:
        (node,) = machines.nodes
        machines.load(node, *base.both())
        environment = {**os.environ, "DOCKER_HOST": node.socket}
        return subprocess.run(node.beside(*command), env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
