"""Docker engines newer than this machine's, unpacked from Debian packages and run on the rig."""

import os
import shutil
from pathlib import Path

from tests.support import rig
from tests.support.deployment import Deployment
from tools.setup import apt, paths, process
from tools.setup.errors import Problem

# Version -> the Debian release that has it.
RELEASES = {"28": "forky"}
PACKAGES = "docker.io,containerd,runc,iptables,iproute2,procps,kmod,ca-certificates"
UNPACK_SECONDS = 600
# The engine's default from version 29 on.
CONTAINERD_STORE = ("--feature", "containerd-snapshotter=true")


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
    """Return the engine, with the containerd image store. It is unpacked once, into the cache.

    Raises UnavailableError, which says why.
    """
    if reason := rig.why_not() or _why_not():
        raise UnavailableError(reason)
    folder = paths.cache() / "engines" / version
    if not folder.exists():
        try:
            _unpack(RELEASES[version], folder)
        except (Problem, process.FailedError) as error:
            raise UnavailableError(f"Docker {version} cannot be unpacked: {error}") from error
    return rig.Engine(folder, CONTAINERD_STORE)


def _why_not() -> str:
    if not Path("/bin").is_symlink():
        return "/bin is not in /usr, so another release cannot be mounted over /usr"
    return ""


def _unpack(release: str, folder: Path) -> None:
    if not shutil.which("mmdebstrap"):
        apt.install("mmdebstrap", "debian-archive-keyring")
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    mirror = apt.mirror()
    try:
        process.run(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={PACKAGES}",
            # The release may be expired. Its signature is still checked.
            '--aptopt=Acquire::Check-Valid-Until "false"',
            release,
            partial,
            *([mirror] if mirror else []),
            limit=UNPACK_SECONDS,
        )
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
