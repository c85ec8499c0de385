"""The folders that the setup uses, by the XDG Base Directory specification and by Pulumi."""

import os
from pathlib import Path

NAME = "microservices"
SETUP = Path(__file__).parent
PROJECT = SETUP.parents[1]


def state() -> Path:
    return _xdg("XDG_STATE_HOME", ".local/state")


def cache() -> Path:
    return _xdg("XDG_CACHE_HOME", ".cache")


def data() -> Path:
    return _xdg("XDG_DATA_HOME", ".local/share")


def programs() -> Path:
    return data() / "bin"


def pulumi_programs() -> Path:
    return Path.home() / ".pulumi" / "bin"


def pulumi_plugins() -> Path:
    home = os.environ.get("PULUMI_HOME")
    return (Path(home) if home else Path.home() / ".pulumi") / "plugins"


def _xdg(variable: str, otherwise: str) -> Path:
    named = os.environ.get(variable)
    return (Path(named) if named else Path.home() / otherwise) / NAME
