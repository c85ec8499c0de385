"""The Docker provider plugin, where Pulumi looks for it."""

import os
import shutil
from pathlib import Path

from bootstrap import cli, go, network, paths, process
from bootstrap.progress import Progress
from bootstrap.versions import DOCKER_PLUGIN

NAME = "pulumi-resource-docker"
STAMP = f"-s -w -X main.version={DOCKER_PLUGIN}"


def ensure(show: Progress, pulumi: Path) -> None:
    if installed() and not go.is_stale(folder() / NAME, "provider"):
        return
    if not _by_vendor(show, pulumi):
        tools = go.ensure(show)
        with show.step("plugin", f"building the Docker plugin {DOCKER_PLUGIN} from its Go modules"):
            _build(tools, folder())


def folder() -> Path:
    return paths.pulumi_plugins() / f"resource-docker-v{DOCKER_PLUGIN}"


def installed() -> bool:
    # Pulumi's own installer marks a plugin that is not complete by such a file.
    partial = folder().with_name(f"{folder().name}.partial")
    return (folder() / NAME).exists() and not partial.exists()


def _by_vendor(show: Progress, pulumi: Path) -> bool:
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


def _build(tools: Path, target: Path) -> None:
    """Build beside the plugin's folder and rename: a folder that exists counts as installed."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        go.build(tools, "provider", ".", partial / NAME, "-ldflags", STAMP)
        shutil.rmtree(target, ignore_errors=True)
        target.with_name(f"{target.name}.partial").unlink(missing_ok=True)
        partial.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
