"""Print the environment variables that `pulumi` needs in a shell: `eval "$(make env)"`."""

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.setup import cli, docker_engine, paths

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
    if "PULUMI_PARALLEL" not in environment:
        lines.append(f"export PULUMI_PARALLEL={PARALLEL}")
    context = docker_engine.context_address()
    if context and "DOCKER_HOST" not in environment:
        # The provider reads DOCKER_HOST, but no docker contexts.
        lines.append(f"export DOCKER_HOST={shlex.quote(context)}")
    return lines


def _folders() -> list[Path]:
    folders = []
    own = shutil.which("pulumi")
    if not (own and cli.fits(Path(own))):
        folders.append(paths.pulumi_programs())
    if not shutil.which("uv"):
        folders.append(paths.programs())
    return folders
