"""A temporary stack on the local engine, with its own backend, Pulumi home and configuration."""

import contextlib
import filecmp
import ipaddress
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from infra import labels
from infra.engine import EngineError, client
from tools.previewdiff import stand_in_certificate
from tools.previewdiff.changes import Preview, read
from tools.previewdiff.commands import Done, run
from tools.previewdiff.isolation import Isolation
from tools.previewdiff.stack_file import configuration, take_secrets
from tools.setup.errors import Problem

LONGEST_ERROR = 4000
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105  the name of the variable


class Stack:
    """A stack in a temporary folder, whose `project` holds first the base, then this commit."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.isolation = Isolation(name, self.project, _subnets())
        self.config_file = folder / "Pulumi.preview.yaml"
        self.events = folder / "events"
        self.environment = _environment(folder)

    def deploy(self, lock: Path) -> None:
        """Deploy what is in the project folder, with the packages of its own uv.lock."""
        secrets = self._prepare(lock)
        self._pulumi("stack", "init", self.isolation.id)
        self._set(secrets)
        done = self._operate("up", "--yes", "--skip-preview", "--suppress-outputs")
        if done.returncode:
            raise Problem("the base could not be deployed", self._last_lines(done))

    def preview(self, lock: Path) -> tuple[Preview, str]:
        """Return what the project folder would change, and the text that pulumi printed."""
        self._set(self._prepare(lock))
        pack = ("--policy-pack", "policy") if (self.project / "policy").is_dir() else ()
        done = self._operate("preview", "--diff", "--event-log", str(self.events), *pack)
        lines = self.events.read_text().splitlines() if self.events.exists() else []
        seen = read(self.isolation.plain_json(json.loads(line)) for line in lines)
        if done.returncode and not seen.violated:
            seen = replace(seen, errors=(self._last_lines(done),))
        return seen, self.isolation.plain(done.stdout)

    def remove(self) -> None:
        """Remove everything that was made, however far it came."""
        if self.config_file.exists():
            with contextlib.suppress(Problem):
                # Pulumi refuses this for a stack with hooks; --run-program would run the program,
                # which may be what fails. What stays is swept below.
                self._operate("destroy", "--yes", "--skip-preview")
        try:
            _sweep(self.isolation.id)
        except EngineError as error:
            what = f"{self.isolation.id}-* is left on the engine"
            raise Problem(what, str(error), "remove it by hand") from None
        finally:
            shutil.rmtree(self.folder)

    def _prepare(self, lock: Path) -> dict[str, str]:
        """Make the project ready to run. Return the secrets that it needs, by their paths."""
        content = configuration(self.project, self.isolation)
        secrets = stand_in_certificate.put(content, self.project) | take_secrets(content)
        if "encryptionsalt" not in content:  # of the stack's own passphrase
            self.environment[PASSPHRASE] = self.environment[PASSPHRASE] or "of a preview"
        self.config_file.write_text(yaml.safe_dump(content))
        self.config_file.chmod(0o600)
        venv = self.project / ".venv"
        if _same(lock, self.project / "uv.lock"):
            venv.symlink_to(sys.prefix)
        elif (done := self._run("uv", "sync", "--frozen")).returncode:
            raise Problem("its packages could not be installed", self._last_lines(done))
        return secrets

    def _set(self, secrets: Mapping[str, str]) -> None:
        stack = ("--stack", self.isolation.id, f"--config-file={self.config_file}")
        for path, value in secrets.items():
            self._pulumi("config", "set", "--secret", "--path", path, *stack, "--", value)

    def _operate(self, verb: str, *more: str) -> Done:
        stack = ("--stack", self.isolation.id, f"--config-file={self.config_file}")
        return self._run("pulumi", verb, *stack, "--non-interactive", *more)

    def _pulumi(self, *arguments: str) -> None:
        done = self._run("pulumi", "--non-interactive", *arguments)
        if done.returncode:
            raise Problem(f"pulumi {arguments[0]} failed", self._last_lines(done))

    def _run(self, *command: str) -> Done:
        return run(*command, folder=self.project, environment=self.environment)

    def _last_lines(self, done: Done) -> str:
        lines = self.isolation.plain(done.stdout).strip().splitlines()
        return "\n".join(line for line in lines if line.strip() and line[0] != "@")[-LONGEST_ERROR:]


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False)


def _environment(folder: Path) -> dict[str, str]:
    home, state, temporary = folder / "home", folder / "state", folder / "tmp"
    for made in (home, state, temporary):
        made.mkdir()
    users = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    (home / "plugins").symlink_to(users / "plugins")
    return {
        PASSPHRASE: "",
        **os.environ,
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "TMPDIR": str(temporary),  # uv leaves a lock file in it
        "PULUMI_DEBUG_COMMANDS": "true",  # without it there is no --event-log
    }


def _subnets() -> list[ipaddress.IPv4Network]:
    try:
        with client() as engine:
            networks = engine.api.networks()
    except EngineError as error:
        raise Problem("no Docker engine answers", str(error), "make tools starts one") from None
    ranges = [one for n in networks for one in (n["IPAM"]["Config"] or []) if "Subnet" in one]
    return [ipaddress.IPv4Network(r["Subnet"]) for r in ranges if ":" not in r["Subnet"]]


def _sweep(stack: str) -> None:
    """Remove what the destroy left: containers, networks and volumes by label, images by name."""
    with client() as engine:
        ours = labels.filters(stack)
        for container in engine.containers.list(all=True, filters=ours, ignore_removed=True):
            container.remove(force=True, v=True)
        for network in engine.networks.list(filters=ours):
            network.remove()
        # Only this stack's tags: another stack may have the same image under a tag of its own.
        for image in engine.images.list(filters={"reference": f"{stack}-*"}):
            for tag in image.tags:
                if tag.startswith(f"{stack}-"):
                    engine.images.remove(tag)
        for volume in engine.volumes.list(filters=ours):
            volume.remove()
