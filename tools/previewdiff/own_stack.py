"""A stack of its own on the local engine: its backend, Pulumi home, configuration and end."""

import contextlib
import filecmp
import ipaddress
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra import labels
from infra.engine import EngineError, client
from tools.previewdiff.changes import Preview, read
from tools.previewdiff.isolation import Isolation
from tools.setup.errors import Problem

LIMIT = 1800  # seconds for pulumi to end by itself
PATIENCE = 60  # and once it is asked to
LONGEST_ERROR = 4000


class Stack:
    """The stack, in a temporary folder whose `project` holds one commit after the other."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.isolation = Isolation(name, self.project, _subnets())
        self.config_file = folder / "Pulumi.preview.yaml"
        self.events = folder / "events"
        self.environment = _environment(folder)

    def deploy(self, lock: Path) -> None:
        """Bring up what lies in the project folder, with the packages that it asks for."""
        self._prepare(lock)
        self._pulumi("stack", "init", self.isolation.id)
        done = self._operate("up", "--yes", "--skip-preview", "--suppress-outputs")
        if done.returncode:
            raise Problem("the base could not be deployed", self._last_lines(done))

    def preview(self, lock: Path) -> tuple[Preview, str]:
        """What the project folder would change, and pulumi's own account of it."""
        self._prepare(lock)
        pack = ("--policy-pack", "policy") if (self.project / "policy").is_dir() else ()
        done = self._operate("preview", "--diff", "--event-log", str(self.events), *pack)
        lines = self.events.read_text().splitlines() if self.events.exists() else []
        seen = read(json.loads(self.isolation.plain(line)) for line in lines)
        if done.returncode and not seen.violated:
            seen = Preview(
                resources=seen.resources,
                violations=seen.violations,
                errors=(self._last_lines(done),),
            )
        return seen, self.isolation.plain(done.stdout)

    def remove(self) -> None:
        """Everything that was made, whatever state it is in."""
        if self.config_file.exists():
            with contextlib.suppress(Problem):
                # Refused where a resource has hooks: the program may be the one that fails.
                self._operate("destroy", "--yes", "--skip-preview")
        try:
            _sweep(self.isolation.id)
        except EngineError as error:
            what = f"{self.isolation.id}-* is left on the engine"
            raise Problem(what, str(error), "remove it by hand") from None
        finally:
            shutil.rmtree(self.folder)

    def _prepare(self, lock: Path) -> None:
        self.config_file.write_text(yaml.safe_dump(configuration(self.project, self.isolation)))
        self.config_file.chmod(0o600)
        venv = self.project / ".venv"
        if _same(lock, self.project / "uv.lock"):
            venv.symlink_to(sys.prefix)
        elif (done := self._run("uv", "sync", "--frozen")).returncode:
            raise Problem("its packages could not be installed", self._last_lines(done))

    def _operate(self, verb: str, *more: str) -> subprocess.CompletedProcess[str]:
        stack = ("--stack", self.isolation.id, f"--config-file={self.config_file}")
        return self._run("pulumi", verb, *stack, "--non-interactive", *more)

    def _pulumi(self, *arguments: str) -> None:
        done = self._run("pulumi", *arguments, "--non-interactive")
        if done.returncode:
            raise Problem(f"pulumi {arguments[0]} failed", self._last_lines(done))

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run it out of reach of Ctrl-C, which is passed on: it ends in its own good order."""
        try:
            child = subprocess.Popen(
                command,
                cwd=self.project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except FileNotFoundError:
            remedy = 'make sets it up; for a shell of your own: eval "$(make env)"'
            raise Problem(f"there is no {command[0]} on the PATH", remedy=remedy) from None
        try:
            output, _ = child.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            said = _end(child)
            what = f"`{' '.join(command[:2])}` did not end within {LIMIT // 60} minutes"
            raise Problem(what, self.isolation.plain(said)[-LONGEST_ERROR:]) from None
        except BaseException:
            _end(child)
            raise
        return subprocess.CompletedProcess(command, child.returncode, output)

    def _last_lines(self, done: subprocess.CompletedProcess[str]) -> str:
        lines = self.isolation.plain(done.stdout).strip().splitlines()
        return "\n".join(line for line in lines if line.strip() and line[0] != "@")[-LONGEST_ERROR:]


def configuration(project: Path, isolation: Isolation) -> dict[str, Any]:
    """The stack's own file as the commit has it, and the isolation over it."""
    pulumi = _yaml(project / "Pulumi.yaml")
    if not pulumi:
        raise Problem("the base has no Pulumi.yaml", "there is nothing to compare with")
    file = _yaml(project / f"Pulumi.{isolation.stack}.yaml")
    namespace = f"{pulumi['name']}:"
    defaults = {key: _default(entry) for key, entry in (pulumi.get("config") or {}).items()}
    said = file.get("config") or {}
    declared = {key: said.get(namespace + key, value) for key, value in defaults.items()}
    if isinstance(declared.get("services"), dict):
        declared["services"] = _with_host_ports(declared["services"], project / "topology.py")
    own = isolation.configuration(declared)
    return {**file, "config": {**said, **{namespace + key: own[key] for key in own}}}


def _with_host_ports(services: dict[str, Any], table: Path) -> dict[str, Any]:
    """Return `services` with the host port of each row of the table that it does not mention."""
    try:
        rows = runpy.run_path(str(table))["SERVICES"]
    except Exception:  # noqa: BLE001  the program fails by it too, and says why
        return services
    own = {row.name: {"hostPort": row.host_port} for row in rows}
    return services | {
        name: ports | services.get(name, {})
        for name, ports in own.items()
        if isinstance(services.get(name, {}), dict)
    }


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False)


def _default(entry: Any) -> Any:  # noqa: ANN401  what a YAML file holds
    return entry.get("default", entry.get("value")) if isinstance(entry, dict) else entry


def _yaml(file: Path) -> dict[str, Any]:
    return (yaml.safe_load(file.read_text()) or {}) if file.exists() else {}


def _environment(folder: Path) -> Mapping[str, str]:
    home, state, temporary = folder / "home", folder / "state", folder / "tmp"
    for made in (home, state, temporary):
        made.mkdir()
    users = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    (home / "plugins").symlink_to(users / "plugins")
    return {
        "PULUMI_CONFIG_PASSPHRASE": "",
        **os.environ,
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "TMPDIR": str(temporary),  # uv leaves a lock file there
        "PULUMI_DEBUG_COMMANDS": "true",  # --event-log is among these
    }


def _subnets() -> list[ipaddress.IPv4Network]:
    try:
        with client() as engine:
            networks = engine.api.networks()
    except EngineError as error:
        raise Problem("no Docker engine answers", str(error), "make tools starts one") from None
    ranges = [one for n in networks for one in (n["IPAM"]["Config"] or []) if "Subnet" in one]
    return [ipaddress.IPv4Network(r["Subnet"]) for r in ranges if ":" not in r["Subnet"]]


def _end(child: subprocess.Popen[str]) -> str:
    """Return what it has printed."""
    child.send_signal(signal.SIGINT)
    try:
        return child.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return child.communicate()[0]


def _sweep(stack: str) -> None:
    """By label or name, what an interrupted pulumi did not come to remove."""
    with client() as engine:
        ours = labels.filters(stack)
        for container in engine.containers.list(all=True, filters=ours, ignore_removed=True):
            container.remove(force=True)
        for network in engine.networks.list(filters=ours):
            network.remove()
        # By name: other stacks may have the same image under theirs.
        for image in engine.images.list(filters={"reference": f"{stack}-*"}):
            for tag in image.tags:
                if tag.startswith(f"{stack}-"):
                    engine.images.remove(tag)
        for volume in engine.volumes.list(filters=ours):
            volume.remove()
