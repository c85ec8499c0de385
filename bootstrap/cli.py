"""The Pulumi CLI and its Python language host: the user's, the vendor's, or built by Go."""

import shutil
from pathlib import Path

from bootstrap import go, network, paths, process
from bootstrap.progress import Progress
from bootstrap.versions import PULUMI, PULUMI_MINIMUM, parse

INSTALLER = "https://get.pulumi.com/install.sh"
HOST = "pulumi-language-python"
SDK = "github.com/pulumi/pulumi/sdk/v3"
MAIN = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
STAMP = f"-s -w -X {SDK}/go/common/version.Version=v{PULUMI}"


def ensure(show: Progress) -> Path:
    with show.step("pulumi", "looking for Pulumi") as step:
        found = find()
        step.says(f"{found} is there" if found else "no fitting Pulumi on the PATH")
    if found:
        if go.is_stale(found.resolve().with_name(HOST), "pulumi"):
            _build_host(show, found.resolve().parent)
        return found
    target = paths.pulumi_programs()
    if not _by_vendor(show, target):
        _build(show, target)
    return target / "pulumi"


def find() -> Path | None:
    """Return the Pulumi that will be used; the one on the PATH goes before our own."""
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


def _by_vendor(show: Progress, target: Path) -> bool:
    script = network.fetch(INSTALLER)
    if not script:
        return False
    file = paths.cache() / "install-pulumi.sh"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(script)
    options = ("--no-edit-path", "--install-root", target.parent, "--version", PULUMI)
    with show.step("pulumi", f"installing Pulumi {PULUMI} by its vendor's installer") as step:
        try:
            process.run("sh", file, *options, limit=300)
        except process.FailedError:
            network.give_up(INSTALLER)
            step.says("the vendor's installer failed; building Pulumi instead")
            return False
    return fits(target / "pulumi")


def _build(show: Progress, target: Path) -> None:
    tools = go.ensure(show)
    with show.step("pulumi", f"building Pulumi {PULUMI} from its Go modules"):
        go.build(tools, "pulumi", MAIN, target / "pulumi", "-ldflags", STAMP)
    _build_host(show, target)


def _build_host(show: Progress, target: Path) -> None:
    tools = go.ensure(show)
    with show.step("pulumi", "building its Python language host"):
        script = go.module_folder(tools, "pulumi", SDK) / "python" / "cmd" / f"{HOST}-exec"
        shutil.copyfile(script, target / script.name)
        (target / script.name).chmod(0o755)
        go.build(tools, "pulumi", "./language-python", target / HOST, "-ldflags", STAMP)
