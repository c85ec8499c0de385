"""Digests of build contexts and mounted folders, for image tags and labels."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from docker.utils.build import exclude_paths

DIGEST_LENGTH = 12
OTHERS_READ, OTHERS_ENTER = 0o004, 0o001  # bits of a file's mode
CACHES = ("**/__pycache__", "**/*.pyc", "**/.*_cache")  # as in services/.dockerignore


def digest(*sources: Path, arguments: Iterable[str] = ()) -> str:
    """Return 12 hex digits of files, of folders and of arguments.

    Of a folder, what its .dockerignore excludes does not count, nor do caches. Names, bytes
    and the executable bit count; times, owners and where a folder is do not.
    Raises FileNotFoundError when a source is missing.
    """
    total = hashlib.sha256()
    for source in sources:
        for path in _files(source):
            mode = "x" if path.stat().st_mode & 0o100 else "-"
            name = path.relative_to(source.parent if source.is_file() else source)
            _add(total, f"{mode}{name.as_posix()}".encode(), path.read_bytes())
    _add(total, *(text.encode() for text in arguments))
    return total.hexdigest()[:DIGEST_LENGTH]


def unreadable(folder: Path) -> Path | None:
    """Return a file that the users of containers, who own nothing here, cannot read."""
    for path in _files(folder):
        within = [parent for parent in path.parents if parent.is_relative_to(folder)]
        if not path.stat().st_mode & OTHERS_READ or not all(
            parent.stat().st_mode & OTHERS_ENTER for parent in within
        ):
            return path
    return None


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise FileNotFoundError(f"no folder {source}")
    ignore = source / ".dockerignore"
    lines = ignore.read_text().splitlines() if ignore.exists() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    names = sorted(exclude_paths(source, [*CACHES, *patterns]))
    return [source / name for name in names if (source / name).is_file()]


def _add(total: "hashlib._Hash", *parts: bytes) -> None:
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
