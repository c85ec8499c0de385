"""A copy of the project with its own stack, names, ports, subnet, backend and Pulumi home."""

import os
import random
import shutil
import socket
import subprocess
import uuid
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.models.containers import Container

from bench.wrk import BenchError
from infra import labels
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs")
PULUMI_SECONDS = 1200


def free_ports(count: int) -> list[int]:
    """Return unused ports below the kernel's ephemeral range."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20000, 30000)
        with socket.socket() as probe:
            if port not in ports and probe.connect_ex(("127.0.0.1", port)) != 0:
                ports.append(port)
    return ports


class Deployment:
    def __init__(self, folder: Path) -> None:
        self.engine = docker.from_env()
        self.stack = f"bench-{uuid.uuid4().hex[:8]}"
        self.project = folder / "project"
        self.file = folder / "Pulumi.bench.yaml"
        ports = free_ports(1 + len(SERVICES))
        self.ports = dict(zip((s.name for s in SERVICES), ports[1:], strict=True))
        self.config: dict[str, Any] = {
            "frontendPort": ports[0],
            "services": {name: {"hostPort": port} for name, port in self.ports.items()},
            "networkName": f"{self.stack}-deploy",
            "namePrefix": f"{self.stack}-",
            "subnet": f"10.{random.randint(128, 250)}.{random.randint(0, 255)}.0/24",
        }
        self.environment = _environment(folder)
        shutil.copytree(ROOT, self.project, ignore=NOT_COPIED)
        (self.project / ".venv").symlink_to(ROOT / ".venv")
        self._pulumi("stack", "init", self.stack)

    def up(self) -> None:
        self.operate("up", "--yes", "--skip-preview")

    def preview(self) -> None:
        self.operate("preview")

    def destroy(self, *, check: bool = True) -> None:
        self.operate("destroy", "--yes", "--skip-preview", "--run-program", check=check)

    def forget_layers(self) -> None:
        """Add a comment to the requirements, so that their layer is not taken from the cache."""
        requirements = self.project / "services" / "requirements.txt"
        requirements.write_text(f"{requirements.read_text()}# {uuid.uuid4()}\n")

    def container(self, service: str) -> Container:
        names = {"frontend": "frontend", **{s.name: s.container for s in SERVICES}}
        return self.engine.containers.get(f"{self.stack}-{names[service]}")

    def remove(self) -> None:
        """Destroy the stack, and remove by label what a failed benchmark has left."""
        self.destroy(check=False)
        ours = labels.filters(self.stack)
        for container in self.engine.containers.list(all=True, filters=ours, ignore_removed=True):
            container.remove(force=True)
        for network in self.engine.networks.list(filters=ours):
            network.remove()
        self.engine.close()

    def make(self, target: str) -> None:
        """Run a target of the Makefile, with an environment of the copy's own."""
        environment = self.project / ".venv"
        if environment.is_symlink():  # that of the project itself
            environment.unlink()
        self._configure(self.project / f"Pulumi.{self.stack}.yaml")
        self._run("make", target, f"STACK={self.stack}")

    def _configure(self, file: Path) -> None:
        values = {f"microservices:{key}": value for key, value in self.config.items()}
        file.write_text(yaml.safe_dump({"config": values}))

    def operate(self, verb: str, *more: str, check: bool = True) -> None:
        self._configure(self.file)
        self._pulumi(verb, "--stack", self.stack, f"--config-file={self.file}", *more, check=check)

    def _pulumi(self, *arguments: str, check: bool = True) -> None:
        self._run("pulumi", *arguments, "--non-interactive", check=check)

    def _run(self, *command: str, check: bool = True) -> None:
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PULUMI_SECONDS,
        )
        if check and done.returncode != 0:
            raise BenchError(f"{' '.join(command[:2])} failed: {done.stdout}{done.stderr}")


def _environment(folder: Path) -> dict[str, str]:
    home, state = folder / "home", folder / "state"
    home.mkdir()
    state.mkdir()
    (home / "plugins").symlink_to(Path.home() / ".pulumi" / "plugins")
    return {
        **os.environ,
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
