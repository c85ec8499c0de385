"""Find or install the Pulumi CLI and its Python language host, or have them built with Go."""

import shutil
from pathlib import Path

from tools.setup import go, modules, network, paths, process
from tools.setup.progress import Progress
from tools.setup.versions import PULUMI, PULUMI_MINIMUM, parse

INSTALLER = "https://get.pulumi.com/install.sh"
HOST = "pulumi-language-python"


def ensure(show: Progress) -> tuple[Path, dict[str, Path]]:
    """Return the path of the Pulumi CLI, and the parts to build: Go package -> output file."""
    with show.step("pulumi", "looking for Pulumi") as step:
        found = find()
        step.says(f"{found} is there" if found else "no Pulumi of a supported version on the PATH")
    if found:
        host = found.resolve().with_name(HOST)
        return found, {modules.HOST: host} if go.is_stale(host, modules.MODULE) else {}
    target = paths.pulumi_programs()
    if _by_installer(show, target):
        return target / "pulumi", {}
    return target / "pulumi", {modules.CLI: target / "pulumi", modules.HOST: target / HOST}


def find() -> Path | None:
    """Return the Pulumi CLI to use: the one on the PATH if it is supported, else our own."""
    for command in (shutil.which("pulumi"), paths.pulumi_programs() / "pulumi"):
        if command and fits(Path(command)):
            return Path(command)
    return None


def fits(command: Path) -> bool:
    host = command.resolve().with_name(HOST)
    if not command.exists() or not (host.exists() or shutil.which(HOST)):
        return False
    try:
        version = parse(process.run(command, "version", environment=QUIET, limit=20))
    except process.FailedError:
        return False
    return version is not None and version >= PULUMI_MINIMUM


QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}


def _by_installer(show: Progress, target: Path) -> bool:
    script = network.fetch(INSTALLER)
    if not script:
        return False
    file = paths.cache() / "install-pulumi.sh"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(script)
    options = ("--no-edit-path", "--install-root", target.parent, "--version", PULUMI)
    with show.step("pulumi", f"installing Pulumi {PULUMI} with the official installer") as step:
        try:
            process.run("sh", file, *options, limit=300)
        except process.FailedError:
            network.give_up(INSTALLER)
            step.says("the official installer failed; building Pulumi instead")
            return False
    return fits(target / "pulumi")
