"""A deployment for tests, with its own names, ports, addresses, backend and Pulumi home."""

import copy
import os
import random
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Self

import docker
import yaml
from docker.models.containers import Container

from tests.support.polling import wait_until
from tests.support.processes import free_ports, run
from topology import GATEWAY, NGINX, SERVICES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["Pulumi.yaml", "__main__.py", "topology.py", "pyproject.toml", "uv.lock"]
FOLDERS = ["infra", "services", "certificates", "frontend", "nginx", "tools"]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__")
PULUMI_SECONDS = 300


def reaches(container: Container, host: str, port: int) -> bool:
    script = f"exec 3<>/dev/tcp/{host}/{port}"
    code, _ = container.exec_run(["timeout", "5", "bash", "-c", script])
    return bool(code == 0)


class Deployment:
    """A copy of the project with a stack of its own, which `remove` removes completely."""

    def __init__(self, folder: Path, passphrase: str = "", /, **config: object) -> None:
        self.engine = docker.from_env()
        self.stack = f"e2e-{uuid.uuid4().hex[:8]}"
        self.project = folder / "project"
        self.config_file = folder / "Pulumi.e2e.yaml"
        self.prefix = f"{self.stack}-"
        ports = free_ports(1 + len(SERVICES))
        self.ports = dict(zip((s.name for s in SERVICES), ports[1:], strict=True))
        self.config: dict[str, Any] = {
            "frontendPort": str(ports[0]),
            "services": {name: {"hostPort": port} for name, port in self.ports.items()},
            "networkName": f"{self.stack}-deploy",
            "namePrefix": self.prefix,
            "subnet": f"10.{random.randint(128, 250)}.{random.randint(0, 255)}.0/24",
            **config,
        }
        self._first_config = copy.deepcopy(self.config)
        self.environment = self._environment(folder) | {"PULUMI_CONFIG_PASSPHRASE": passphrase}
        self._salt: dict[str, str] = {}
        self._copy_project()
        self.pulumi("stack", "init", self.stack)

    @property
    def url(self) -> str:
        address = self.config.get("bindAddress", "127.0.0.1")
        return f"http://{address}:{self.config['frontendPort']}"

    def _environment(self, folder: Path) -> dict[str, str]:
        (folder / "state").mkdir()
        home = folder / "home"
        home.mkdir()
        (home / "plugins").symlink_to(Path.home() / ".pulumi" / "plugins")
        return {
            **os.environ,
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def set_service(self, name: str, **own: object) -> None:
        """Set keys of one service, as `pulumi config set --path services.NAME.KEY` does."""
        self.config["services"].setdefault(name, {}).update(own)

    def set_secret(self, name: str, secret: str, value: str) -> None:
        """Set a secret of a service, as `pulumi config set --secret --path …` does."""
        self._encrypt("services", value, "--path", f"services.{name}.secrets.{secret}")

    def set_secret_key(self, key: str, value: str) -> None:
        """Set a key of the stack, as `pulumi config set --secret KEY` does."""
        self._encrypt(key, value, key)

    def _encrypt(self, key: str, value: str, *path: str) -> None:
        self.pulumi("config", "set", "--secret", *path, *self.configured(), "--", value)
        said = yaml.safe_load(self.config_file.read_text())
        self.config[key] = said["config"][f"microservices:{key}"]
        self._salt = {"encryptionsalt": said["encryptionsalt"]}

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a verb of `tools.operate` in the copy of the project."""
        command = [sys.executable, "-m", "tools.operate", "--stack", self.stack, *arguments]
        return run(command, seconds=PULUMI_SECONDS, cwd=self.project, env=self.environment)

    def new_secret(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run `make new-secret`, and take over what it wrote to the stack's own file."""
        done = self.tool("new-secret", name)
        if done.returncode == 0:
            for service, own in self._stack_file()["services"].items():
                self.set_service(service, **own)
        return done

    def take_over(self, **more: object) -> None:
        """Take over what a tool wrote to the stack's own file."""
        self.config |= {**self._stack_file(), **more}

    def _stack_file(self) -> dict[str, Any]:
        said = yaml.safe_load((self.project / f"Pulumi.{self.stack}.yaml").read_text())
        self._salt = {"encryptionsalt": said["encryptionsalt"]}
        return {key.partition(":")[2]: value for key, value in said.get("config", {}).items()}

    def restore(self) -> None:
        """Undo all edits of sources and configuration, without replacing mounted folders."""
        self.config.clear()
        self.config |= copy.deepcopy(self._first_config)
        self.prefix = self.config["namePrefix"]
        self._copy_project()
        for name in FOLDERS:
            for path in sorted((self.project / name).rglob("*"), reverse=True):
                if not (ROOT / path.relative_to(self.project)).exists():
                    path.rmdir() if path.is_dir() else path.unlink()

    def _copy_project(self) -> None:
        self.project.mkdir(exist_ok=True)
        for name in SOURCES:
            shutil.copy2(ROOT / name, self.project / name)
        for name in FOLDERS:
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.project / name, ignore=ignore, dirs_exist_ok=True)
        if not (self.project / ".venv").exists():
            (self.project / ".venv").symlink_to(ROOT / ".venv")

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = run(
            ["pulumi", "--non-interactive", *arguments],
            seconds=PULUMI_SECONDS,
            cwd=self.project,
            env=self.environment,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def operate(
        self, verb: str, *more: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `pulumi up`, `preview`, `refresh` or `destroy` with this configuration."""
        yes = [] if verb == "preview" else ["--yes"]
        return self.pulumi(verb, *self.configured(), *yes, *more, check=check)

    def configured(self) -> list[str]:
        values = {
            key if ":" in key else f"microservices:{key}": value
            for key, value in self.config.items()
        }
        self.config_file.write_text(yaml.safe_dump({**self._salt, "config": values}))
        return ["--stack", self.stack, f"--config-file={self.config_file}"]

    def up(self, *more: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.operate("up", "--skip-preview", *more, check=check)

    def container(self, service: str, replica: int = 1) -> Container:
        names = {"frontend": GATEWAY, "nginx": NGINX, **{s.name: s.container for s in SERVICES}}
        number = "" if replica == 1 else f"_{replica}"
        return self.engine.containers.get(self.prefix + names[service] + number)

    def containers(self) -> list[Container]:
        """Return all containers of the stack, also stopped ones."""
        return self.engine.containers.list(all=True, filters=self._ours(), ignore_removed=True)

    def address(self, service: str) -> str:
        attached = self.container(service).attrs["NetworkSettings"]["Networks"]
        return str(attached[self.config["networkName"]]["IPAddress"])

    def stop(self, service: str) -> None:
        self.container(service).stop(timeout=15)

    def start(self, service: str) -> None:
        self.container(service).start()
        self.wait_healthy(service)

    def wait_healthy(self, service: str) -> None:
        wait_until(lambda: self.container(service).health == "healthy", f"{service} healthy")

    def _ours(self) -> dict[str, str | list[str] | bool]:
        return {"label": f"microservices.stack={self.stack}"}

    def left(self) -> dict[str, list[str]]:
        """Return what the engine still has with the stack's label."""
        ours = self._ours()
        return {
            "containers": [
                str(c.name)
                for c in self.engine.containers.list(all=True, filters=ours, ignore_removed=True)
            ],
            "networks": [str(n.name) for n in self.engine.networks.list(filters=ours)],
            "images": [str(i.id) for i in self.engine.images.list(all=True, filters=ours)],
            "volumes": [str(v.name) for v in self.engine.volumes.list(filters=ours)],
        }

    def ids(self) -> list[str]:
        """Return the engine's IDs of the stack's containers, networks and volumes."""
        ours = self._ours()
        return [
            *(
                str(c.id)
                for c in self.engine.containers.list(all=True, filters=ours, ignore_removed=True)
            ),
            *(str(n.id) for n in self.engine.networks.list(filters=ours)),
            *(str(v.id) for v in self.engine.volumes.list(filters=ours)),
        ]

    def destroy(self) -> None:
        self.operate("destroy", "--skip-preview", "--run-program")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Destroy the stack, and remove by label what a failed test has left."""
        self.operate("destroy", "--skip-preview", "--run-program", check=False)
        ours = self._ours()
        for container in self.engine.containers.list(all=True, filters=ours, ignore_removed=True):
            container.remove(force=True, v=True)
        for network in self.engine.networks.list(filters=ours):
            network.remove()
        for volume in self.engine.volumes.list(filters=ours):
            volume.remove()
        bases = self.engine.images.list(name=f"{self.stack}-base/*")
        for image in [*self.engine.images.list(filters=ours), *bases]:
            for tag in image.tags:
                if tag.startswith(self.stack):  # other stacks may share the image
                    self.engine.images.remove(tag, force=True)
        self.engine.close()
