"""The base images that this machine's engine has: the official ones, or their stand-ins."""

from contextlib import closing
from functools import cache

import docker

from infra import bases
from infra.keys import DEFAULTS


def python() -> str:
    return _here(DEFAULTS["pythonImage"])


def nginx() -> str:
    return _here(DEFAULTS["nginxImage"])


def both() -> tuple[str, str]:
    return python(), nginx()


@cache
def _here(image: str) -> str:
    with closing(docker.from_env()) as engine:
        return bases.on_engine(image, {tag for one in engine.images.list() for tag in one.tags})
