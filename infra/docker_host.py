"""Which Docker engine the provider and every client here talk to."""

import hashlib
import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import tunnel

DEFAULT = "unix:///var/run/docker.sock"
VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


class UnusableError(ValueError):
    """Two engines are named, or one that cannot be reached."""


@dataclass(frozen=True)
class Host:
    address: str  # such as unix:///var/run/docker.sock, tcp://server:2376 or ssh://user@server
    named_by: str
    certificates: str = ""  # the folder with ca.pem, cert.pem and key.pem


def use(configured: str = "") -> None:
    """Make this process and those that it starts use the stack's engine.

    `configured` is the stack's docker:host. An ssh:// engine is then behind a local socket. Raises
    UnusableError.
    """
    host = resolve(configured)
    if not host.named_by:
        return
    address = _reachable(host.address)  # first: it may raise
    os.environ.pop("DOCKER_CONTEXT", None)
    os.environ["DOCKER_HOST"] = address
    if host.certificates:
        os.environ |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": host.certificates}


def resolve(configured: str = "", environment: Mapping[str, str] = os.environ) -> Host:
    """Return the engine that docker:host, DOCKER_HOST, DOCKER_CONTEXT or docker's context names.

    Raises UnusableError if the first three name different ones, or a context that does not exist.
    """
    folder = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    certificates = ""
    if environment.get("DOCKER_TLS_VERIFY"):
        certificates = environment.get("DOCKER_CERT_PATH") or str(folder)
    named = [
        Host(address, by, certificates)
        for by, address in (
            ("docker:host", configured),
            ("DOCKER_HOST", environment.get("DOCKER_HOST", "")),
        )
        if address
    ]
    named += _context(folder, environment.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT")
    if not named:
        named = _context(folder, _current(folder), "the current docker context")
    for one, other in itertools.pairwise(named):
        if not _same(one.address, other.address):
            raise UnusableError(
                f"{one.named_by} names {one.address}, {other.named_by} names {other.address}; "
                "unset one of them"
            )
    return named[0] if named else Host(DEFAULT, "")


def is_here() -> bool:
    """Return whether the engine of this process runs on this machine."""
    address = resolve().address
    return address.startswith("unix://") and not tunnel.is_end(address)


def _reachable(address: str) -> str:
    if not address.startswith("ssh://"):
        return address
    try:
        return tunnel.open_to(address)
    except tunnel.BrokenError as broken:
        raise UnusableError(str(broken)) from None


def _same(one: str, other: str) -> bool:
    return one == other or (one.startswith("ssh://") and tunnel.end_of(one) == other)


def _context(folder: Path, name: str, named_by: str) -> list[Host]:
    if name in ("", "default"):
        return []
    digest = hashlib.sha256(name.encode()).hexdigest()
    try:
        content = json.loads((folder / "contexts" / "meta" / digest / "meta.json").read_text())
        address = str(content["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableError(f"{named_by} is {name!r}, which cannot be read: {error}") from None
    certificates = folder / "contexts" / "tls" / digest / "docker"
    return [Host(address, named_by, str(certificates) if certificates.is_dir() else "")]


def _current(folder: Path) -> str:
    try:
        return str(json.loads((folder / "config.json").read_text()).get("currentContext", ""))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AttributeError) as error:
        raise UnusableError(f"{folder / 'config.json'} cannot be read: {error}") from None
