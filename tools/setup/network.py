"""Asks download sites, each with a short time limit and never twice in a run."""

import queue
import threading
import urllib.parse
import urllib.request

LIMIT = 4.0

_unreachable: set[str] = set()


def fetch(url: str) -> bytes | None:
    """Return what is there, or None where its site does not answer in time."""
    site = urllib.parse.urlsplit(url).hostname or ""
    if site in _unreachable:
        return None
    answer: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    # A thread, because no timeout of urllib's covers a name that is being resolved.
    threading.Thread(target=lambda: answer.put(_get(url)), daemon=True).start()
    try:
        body = answer.get(timeout=LIMIT)
    except queue.Empty:
        body = None
    if body is None:
        _unreachable.add(site)
    return body


def give_up(url: str) -> None:
    """Count a site as unreachable, for one that answers and then does not deliver."""
    _unreachable.add(urllib.parse.urlsplit(url).hostname or "")


def _get(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=LIMIT) as response:  # noqa: S310 - constants of ours
            content: bytes = response.read()
            return content
    except (OSError, ValueError):
        return None
