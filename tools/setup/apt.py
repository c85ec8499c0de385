"""Install Debian packages: needs root, and runs one apt-get at a time."""

import contextlib
import os
import re
import shutil
import threading
from pathlib import Path

from tools.setup import process
from tools.setup.errors import Problem, explain

_lock = threading.Lock()
_updated = threading.Event()


def install(*packages: str) -> None:
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Problem(
            f"{names} is missing",
            "there is no apt-get to install it with: this is not Debian or Ubuntu",
            f"install {names} with this system's package manager, then run it again",
        )
    process.need_root(f"{names} is missing", f"sudo apt-get install {names}, then run it again")
    with _lock:
        _update()
        try:
            _apt("install", "--no-install-recommends", *packages)
        except process.FailedError as failed:
            remedy = f"make `apt-get install {names}` work, then run it again"
            raise explain(f"apt could not install {names}", failed.output, remedy) from None


def known(package: str) -> bool:
    with _lock:
        _update()
    try:
        return f"Package: {package}\n" in process.run("apt-cache", "show", package)
    except process.FailedError:
        return False


def mirror() -> str | None:
    """Return the URL of the Debian mirror in this machine's APT sources."""
    files = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.*s*")]
    for file in filter(Path.is_file, files):
        uris = re.findall(
            r"^(?:URIs:|deb(?: \[.*\])?)\s+(\S+/debian)/?(?:\s|$)", file.read_text(), re.MULTILINE
        )
        if uris:
            return str(uris[0])
    return None


def _update() -> None:
    if _updated.is_set():
        return
    # One of the sources may be down without effect on us: only the installation decides.
    with contextlib.suppress(process.FailedError):
        _apt("update")
    _updated.set()


def _apt(*arguments: str) -> None:
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8")}
    lock = ("-o", "DPkg::Lock::Timeout=120")
    process.run("apt-get", "--yes", "--quiet", *lock, *arguments, environment=quiet)
