"""A user without root, whose group may use the engine's socket, deploys and removes a stack."""

import os
import random
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra import docker_host
from tests.support.contract import HELLO, ask
from tests.support.processes import free_ports, run
from tests.support.repository import Repository
from topology import SERVICES

SOCKET = Path(docker_host.resolve().address.removeprefix("unix://"))
PROGRAMS = (".pulumi/bin", ".pulumi/plugins", ".local/share/microservices")
KINDS = (("container", "--all"), ("network",), ("image",))  # of what a stack makes
SECONDS = 500
STACK = f"group{random.randint(1000, 9999)}"
USERADD = shutil.which("useradd")


def why_not() -> str:
    if os.geteuid() != 0 or not USERADD:
        return "only root can make an account, with useradd"
    if not SOCKET.is_socket():
        return "the engine has no socket here"
    status = SOCKET.stat()
    opens = status.st_mode & stat.S_IWGRP and status.st_gid
    return "" if opens else f"{SOCKET} is open to no group but root's"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


class Member:
    """An account in the socket's group, with the project and the programs of the setup."""

    def __init__(self, name: str) -> None:
        self.name, self.home = name, Path("/home") / name
        group = str(SOCKET.stat().st_gid)
        at = ("--create-home", "--home-dir", str(self.home))
        subprocess.run(["useradd", *at, "--groups", group, name], check=True)
        for program in PROGRAMS:
            shutil.copytree(Path.home() / program, self.home / program, symlinks=True)
        self.project = Repository(self.home / "project").root
        self.port = free_ports(1)[0]
        self._configure()
        subprocess.run(["chown", "--recursive", f"{name}:", self.home], check=True)

    def _configure(self) -> None:
        ports = free_ports(len(SERVICES))
        config = {
            "frontendPort": self.port,
            "services": {
                s.name: {"hostPort": port} for s, port in zip(SERVICES, ports, strict=True)
            },
            "networkName": STACK,
            "namePrefix": f"{STACK}-",
            "subnet": f"10.{random.randint(1, 127)}.{random.randint(0, 255)}.0/24",
        }
        named = {f"microservices:{key}": value for key, value in config.items()}
        file = self.project / f"Pulumi.{STACK}.yaml"
        file.write_text(yaml.safe_dump({"config": named}))

    def make(self, target: str) -> str:
        """Run `make TARGET` for the stack as this user, in a new session."""
        path = [p for p in os.environ["PATH"].split(":") if not p.startswith(str(Path.home()))]
        of_root = ("HOME", "USER", "LOGNAME", "PULUMI", "UV", "XDG", "VIRTUAL_ENV")
        others = {k: v for k, v in os.environ.items() if not k.startswith(of_root)}
        done = run(
            ["runuser", "--user", self.name, "--", "make", target, f"STACK={STACK}"],
            seconds=SECONDS,
            cwd=self.project,
            env={**others, "HOME": str(self.home), "USER": self.name, "PATH": ":".join(path)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def left(kind: str, *options: str) -> list[str]:
    """Return the IDs of what the stack made."""
    label = f"--filter=label=microservices.stack={STACK}"
    command = ["docker", kind, "ls", "--quiet", *options, label]
    return run(command, seconds=60).stdout.split()


@pytest.fixture
def member() -> Iterator[Member]:
    one = Member(f"ms{STACK}")
    yield one
    for kind, *options in KINDS:
        if ids := left(kind, *options):
            run(["docker", kind, "rm", "--force", *ids], seconds=60)
    subprocess.run(["userdel", "--remove", one.name], check=True, capture_output=True)


def test_a_member_of_the_group_deploys_looks_and_removes(member: Member) -> None:
    member.make("up")
    assert ask(f"http://127.0.0.1:{member.port}/api/v1/say_hello")[2] == HELLO
    assert member.make("status").count("healthy") >= len(SERVICES) + 1
    member.make("destroy")
    assert [left(*kind) for kind in KINDS] == [[], [], []]
