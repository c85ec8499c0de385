"""The base images that this machine's engine has: the official ones, or their stand-ins.

By the CLI: what puts load on a gateway runs in containers too, which have no Docker SDK.
"""

import subprocess
from functools import cache

from infra import bases
from infra.keys import DEFAULTS

LIST_SECONDS = 60


def python() -> str:
    return _here(DEFAULTS["pythonImage"])


def nginx() -> str:
    return _here(DEFAULTS["nginxImage"])


def both() -> tuple[str, str]:
    return python(), nginx()


@cache
def _here(image: str) -> str:
    command = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
    listed = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=LIST_SECONDS
    )
    return bases.on_engine(image, set(listed.stdout.split()))
