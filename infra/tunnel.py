"""An ssh connection to the Docker engine of a server, whose socket is then a local one.

All processes share it, as an update would open more connections at once than sshd allows. It ends
by itself when none has used it for IDLE_SECONDS.
"""

import fcntl
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

REMOTE_SOCKET = "/var/run/docker.sock"
OPEN_SECONDS = 30  # to connect, log in and look for the engine's socket
IDLE_SECONDS = 120
OPTIONS = {
    "BatchMode": "yes",  # nobody could answer its questions
    "ConnectTimeout": "10",
    "ControlMaster": "yes",
    "ControlPersist": str(IDLE_SECONDS),
    "ExitOnForwardFailure": "yes",
    "ServerAliveInterval": "15",  # the tunnel ends after three that are not answered
    "StreamLocalBindUnlink": "yes",
}


class BrokenError(ConnectionError):
    """The server cannot be reached, refuses the login, or has no engine for this user."""


def open_to(address: str) -> str:
    """Return the address of the local end of the tunnel to ssh://user@server[:port][/socket].

    Raises BrokenError.
    """
    end = _end(address)
    end.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with end.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # for OPEN_SECONDS at most
        if not _is_open(address):
            _open(address)
    return f"unix://{end}"


def end_of(address: str) -> str:
    return f"unix://{_end(address)}"


def is_end(address: str) -> bool:
    return Path(address.removeprefix("unix://")).parent == _folder()


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "microservices" / "ssh"


def _end(address: str) -> Path:
    # Short: the path of a socket has 104 characters at most, and ssh adds 17 for a moment.
    return _folder() / f"{hashlib.sha256(address.encode()).hexdigest()[:8]}.sock"


def _control(address: str) -> Path:
    return _end(address).with_suffix(".control")


def _is_open(address: str) -> bool:
    return _ssh(address, "-O", "check") is None and _end(address).exists()


def _open(address: str) -> None:
    _control(address).unlink(missing_ok=True)  # of a connection that was killed
    socket = urlsplit(address).path or REMOTE_SOCKET
    try_socket = f"test -w {socket} || {{ echo $USER may not open {socket} >&2; exit 1; }}"
    forward = f"-L{_end(address)}:{socket}"
    options = (f"-o{name}={value}" for name, value in OPTIONS.items())
    if error := _ssh(address, *options, forward, remote=try_socket):
        _ssh(address, "-O", "exit")
        try_it = " ".join(_login(address))
        raise BrokenError(f"{address} cannot be used: {error}; try ssh {try_it} docker version")


def _ssh(address: str, *options: str, remote: str = "") -> str | None:
    """Run ssh. Return None, or the last line of its output if it fails."""
    command = [
        "ssh",
        "-S",
        str(_control(address)),
        *options,
        *_login(address),
        *([remote] if remote else []),
    ]
    with tempfile.TemporaryFile() as said:  # not a pipe: the connection would keep it open
        try:
            done = subprocess.run(  # noqa: S603  ssh, to where the stack says
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=OPEN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {OPEN_SECONDS} s"
        except FileNotFoundError:
            return "there is no ssh command"
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    return None if done.returncode == 0 else (lines or ["ssh failed"])[-1].strip()


def _login(address: str) -> list[str]:
    parts = urlsplit(address)
    port = ["-p", str(parts.port)] if parts.port else []
    user = f"{parts.username}@" if parts.username else ""
    return [*port, f"{user}{parts.hostname}"]
