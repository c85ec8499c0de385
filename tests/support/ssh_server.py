"""A real sshd on loopback, which lets this user in by a key of its own."""

import getpass
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pytest

from tests.support.polling import wait_until
from tests.support.processes import free_ports, run
from tools.setup import apt

SSHD = Path("/usr/sbin/sshd")
SECONDS = 30
WRAPPER = '#!/bin/sh\nexec {ssh} -F {folder}/client "$@"\n'
CLIENT = """\
IdentityFile {folder}/key
UserKnownHostsFile {folder}/known_hosts
"""
SERVER = """\
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
"""


class SshServer:
    """`environment` lets the ssh of a child process use the server's key."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ssh-"))  # short: it has sockets
        self.port = free_ports(1)[0]
        self.user = getpass.getuser()
        self.address = f"ssh://{self.user}@127.0.0.1:{self.port}"
        programs = self.folder / "bin"
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.folder),
        }
        for name in ("key", "host_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            run(command, seconds=SECONDS).check_returncode()
        host_key = (self.folder / "host_key.pub").read_text()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}")
        places = {"folder": self.folder, "port": self.port, "ssh": shutil.which("ssh")}
        (self.folder / "client").write_text(CLIENT.format(**places))
        (self.folder / "server").write_text(SERVER.format(**places))
        programs.mkdir()
        (programs / "ssh").write_text(WRAPPER.format(**places))
        (programs / "ssh").chmod(0o755)

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # as the service's start does
        with (self.folder / "log").open("wb") as log:
            self.daemon = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self.folder / "server")], stderr=log
            )
        wait_until(self._listens, "sshd listens")
        return self

    def _listens(self) -> bool:
        return "Server listening" in (self.folder / "log").read_text()

    def tunnels(self) -> list[int]:
        """Return the pids of the connections that clients share."""
        asked = (self._control(file, "check") for file in self.folder.rglob("*.control"))
        return [int(pid) for said in asked for pid in re.findall(r"pid=(\d+)", said)]

    def _control(self, file: Path, command: str) -> str:
        return run(["ssh", "-S", str(file), "-O", command, "any"], seconds=SECONDS).stderr

    def connections(self) -> int:
        """Return how often a client has logged in."""
        return (self.folder / "log").read_text().count("Accepted publickey")

    def __exit__(self, *_: object) -> None:
        for file in self.folder.rglob("*.control"):
            self._control(file, "exit")
        self.daemon.terminate()
        self.daemon.wait(SECONDS)
        shutil.rmtree(self.folder)


def must_be_installed() -> None:
    if SSHD.exists():
        return
    if not os.environ.get("CI"):
        pytest.skip("no sshd: apt-get install openssh-server")
    apt.install("openssh-server", "openssh-client")
