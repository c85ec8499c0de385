"""Install the Docker provider plugin into Pulumi's plugin folder."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.setup import cli, go, modules, network, paths, process
from tools.setup.progress import Progress
from tools.setup.versions import DOCKER_PLUGIN

NAME = "pulumi-resource-docker"


def wanted(show: Progress, pulumi: Path) -> bool:
    """Return whether the plugin must be built: not installed, and cannot be downloaded."""
    if installed() and not go.is_stale(folder() / NAME, modules.MODULE):
        return False
    return not _by_installer(show, pulumi)


def folder() -> Path:
    return paths.pulumi_plugins() / f"resource-docker-v{DOCKER_PLUGIN}"


def installed() -> bool:
    # Pulumi creates this file while it installs a plugin.
    partial = folder().with_name(f"{folder().name}.partial")
    return (folder() / NAME).exists() and not partial.exists()


def _by_installer(show: Progress, pulumi: Path) -> bool:
    if not network.fetch(cli.INSTALLER):
        return False
    command = (pulumi, "plugin", "install", "resource", "docker", DOCKER_PLUGIN)
    with show.step("plugin", f"downloading the Docker plugin {DOCKER_PLUGIN}") as step:
        try:
            process.run(*command, environment=cli.QUIET, limit=300)
        except process.FailedError:
            network.give_up(cli.INSTALLER)
            step.says("the download failed; building the plugin instead")
            return False
    return installed()


@contextmanager
def replacement() -> Iterator[Path]:
    """Provide a path to build to, and rename its folder afterwards.

    Pulumi takes a plugin whose folder exists as installed, so the folder must be complete.
    """
    target = folder()
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield partial / NAME
        shutil.rmtree(target, ignore_errors=True)
        target.with_name(f"{target.name}.partial").unlink(missing_ok=True)
        partial.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
