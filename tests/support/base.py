"""The base images that this machine's engine has: the official ones, or their stand-ins."""

from functools import cache

from infra.keys import DEFAULTS
from tools.setup import base_images


def python() -> str:
    return _here(DEFAULTS["pythonImage"])


def nginx() -> str:
    return _here(DEFAULTS["nginxImage"])


def both() -> tuple[str, str]:
    return python(), nginx()


@cache  # also while DOCKER_HOST names another engine
def _here(image: str) -> str:
    return base_images.on_engine(image)
