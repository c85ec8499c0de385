"""Keep the CPUs of this machine busy."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.processes import running

CPU = "while True: pass"
DISK = """
import os, sys
while True:
    with open(sys.argv[1] + f"/{os.getpid()}", "wb") as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
"""


@contextmanager
def busy(*, cpu: int = 4, disk: int = 2) -> Iterator[None]:
    """Run processes that compute and processes that write while the block runs."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        scripts = [CPU] * cpu + [DISK] * disk
        processes = [
            stack.enter_context(running([sys.executable, "-c", script, folder]))
            for script in scripts
        ]
        yield
        assert all(process.poll() is None for process in processes), "some had ended before"
