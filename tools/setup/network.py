"""Download files, with a short time limit; a site that fails is not asked again in this run."""

import queue
import threading
import urllib.parse
import urllib.request

LIMIT = 4.0

_unreachable: set[str] = set()


def fetch(url: str) -> bytes | None:
    """Return the content of a URL, or None if its site does not answer in time."""
    site = urllib.parse.urlsplit(url).hostname or ""
    if site in _unreachable:
        return None
    answer: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    # A thread, because urllib's time-out does not cover the DNS lookup.
    threading.Thread(target=lambda: answer.put(_get(url)), daemon=True).start()
    try:
        body = answer.get(timeout=LIMIT)
    except queue.Empty:
        body = None
    if body is None:
        _unreachable.add(site)
    return body


def give_up(url: str) -> None:
    """Treat a site as unreachable, for one that answers but whose download fails."""
    _unreachable.add(urllib.parse.urlsplit(url).hostname or "")


def _get(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=LIMIT) as response:  # noqa: S310 - constants of ours
            content: bytes = response.read()
            return content
    except (OSError, ValueError):
        return None
