"""Print the environment variables that `pulumi` needs in a shell: `eval "$(make env)"`."""

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra import docker_host
from tools.setup import cli, paths
from tools.setup.errors import Problem

# Pulumi's default is four for each core, but most operations just wait for a container's health.
PARALLEL = 32
PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL")


def exports(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return `export` lines. Variables that the user has set are left alone."""
    lines = []
    if folders := _folders():
        lines.append(f'export PATH={shlex.quote(":".join(map(str, folders)))}:"$PATH"')
    if not any(name in environment for name in PASSPHRASES):
        lines.append("export PULUMI_CONFIG_PASSPHRASE=''")
    if "UV_SYSTEM_CERTS" not in environment:
        lines.append("export UV_SYSTEM_CERTS=1")  # Pulumi syncs the environment by uv
    if "PULUMI_PARALLEL" not in environment:
        lines.append(f"export PULUMI_PARALLEL={PARALLEL}")
    return lines


def engine(stack: str) -> list[str]:
    """Make this process use the stack's engine. Return the lines that make a shell use it.

    Raises Problem.
    """
    before = {name: os.environ.get(name) for name in docker_host.VARIABLES}
    try:
        docker_host.use(_configured(stack))
    except docker_host.UnusableError as error:
        raise Problem("no Docker engine can be used", str(error)) from None
    now = {name: os.environ.get(name) for name in docker_host.VARIABLES}
    return [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in now.items()
        if value != before[name]
    ]


def _configured(stack: str) -> str:
    """Return the stack's docker:host. Its file is read line by line: Python itself has no YAML."""
    file = paths.PROJECT / f"Pulumi.{stack}.yaml"
    if not stack or not file.exists():
        return ""
    found = re.search(r"^ +docker:host: *['\"]?([^'\"\s]+)", file.read_text(), re.MULTILINE)
    return found[1] if found else ""


def _folders() -> list[Path]:
    folders = []
    own = shutil.which("pulumi")
    # The setup's own Pulumi is not asked for its version, which takes an eighth of a second.
    if not (own and (Path(own).parent == paths.pulumi_programs() or cli.fits(Path(own)))):
        folders.append(paths.pulumi_programs())
    if not shutil.which("uv"):
        folders.append(paths.programs())
    return folders
