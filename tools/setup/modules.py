"""Build Pulumi's CLI, its Python language host and the Docker plugin from Go modules."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.setup import go, paths, process
from tools.setup.errors import AGAIN, explain
from tools.setup.progress import Progress
from tools.setup.versions import DOCKER_PLUGIN, PULUMI

MODULE = "pulumi"
PULUMI_PKG = "github.com/pulumi/pulumi/pkg/v3"
PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
BUILDX = "github.com/docker/buildx"

CLI = f"{PULUMI_PKG}/cmd/pulumi"
HOST = "./language-python"
PLUGIN = "./resource-docker"
WHAT = {
    CLI: f"Pulumi {PULUMI}",
    HOST: "its Python language host",
    PLUGIN: f"the Docker plugin {DOCKER_PLUGIN}",
}
EXEC = "pulumi-language-python-exec"
SCRATCH = "sources-"

STAMPS = f"-X {PULUMI_SDK}/go/common/version.Version=v{PULUMI} -X main.version={DOCKER_PLUGIN}"
FLAGS = (
    # Upstream's own tags: no gRPC client for Google's buckets, no resource for Compose files.
    *("-tags", "disable_grpc_modules,no_compose"),
    # Generate no debug information, as -s -w would strip it. Do not inline AWS's generated clients:
    # they are large, and their speed does not matter beside the network's.
    *("-gcflags", "all=-dwarf=false"),
    *("-gcflags", "github.com/aws/...=-dwarf=false -l"),
    *("-ldflags", f"-s -w {STAMPS}"),
)

# Files to leave out: they take a third of the build's time, and deploying containers does not need
# them. The numbers are CPU seconds. The files in _stubs/ replace what other packages refer to.
LEFT_OUT = {
    PULUMI_PKG: (  # `pulumi api` with its OpenAPI parser: 92; `pulumi logs` for AWS: 9
        "operations/operations_aws.go",
        *(
            f"cmd/pulumi/cloud/{name}.go"
            for name in (
                *("api", "describe", "describe_markdown", "encoding", "fields", "format"),
                *("list", "output", "paginate", "pathmatch", "schema", "spec", "spec_fetch"),
            )
        ),
    ),
    PULUMI_SDK: (  # component providers in Go: 15
        "go/pulumi/provider/component_provider.go",
        "go/pulumi/provider/provider.go",
    ),
    BUILDX: (  # builders in a Kubernetes cluster: 79
        "driver/kubernetes/driver.go",
        "driver/kubernetes/factory.go",
    ),
}


def build(show: Progress, outputs: Mapping[str, Path]) -> None:
    """Build the packages (CLI, HOST, PLUGIN) with one command, which keeps all cores busy."""
    tools = go.ensure(show)
    what = ", ".join(WHAT[package] for package in outputs)
    with show.step("pulumi", f"building {what} from Go modules"), _sources(tools) as folder:
        go.build_all(tools, MODULE, outputs, *FLAGS, folder=folder)
        if host := outputs.get(HOST):
            script = folder / "modules" / PULUMI_SDK / "python" / "cmd" / EXEC
            shutil.copyfile(script, host.with_name(EXEC))
            host.with_name(EXEC).chmod(0o755)


@contextmanager
def _sources(tools: Path) -> Iterator[Path]:
    """Copy our Go module and its largest dependencies, without the files in LEFT_OUT."""
    paths.cache().mkdir(parents=True, exist_ok=True)
    for left in paths.cache().glob(f"{SCRATCH}*"):  # left by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=paths.cache(), prefix=SCRATCH) as name:
        folder = Path(name)
        shutil.copytree(paths.SETUP / MODULE, folder, dirs_exist_ok=True)
        for module, source in _downloaded(tools, folder).items():
            copy(source, folder / "modules" / module, LEFT_OUT[module])
            stubs = folder / "_stubs" / module
            if stubs.is_dir():
                shutil.copytree(stubs, folder / "modules" / module, dirs_exist_ok=True)
        replaced = [f"-replace={module}=./modules/{module}" for module in LEFT_OUT]
        process.run(
            tools, "mod", "edit", *replaced, folder=folder, environment=go.ENVIRONMENT, limit=60
        )
        yield folder


def copy(source: Path, target: Path, left_out: tuple[str, ...]) -> None:
    """Copy a module without its tests. The copies are writable, unlike Go's module cache."""
    for name, folders, files in os.walk(source):
        folders[:] = [folder for folder in folders if folder != "testdata"]
        inside = Path(name).relative_to(source)
        (target / inside).mkdir(parents=True)
        for file in files:
            if not file.endswith("_test.go") and str(inside / file) not in left_out:
                shutil.copyfile(Path(name) / file, target / inside / file)


def _downloaded(tools: Path, folder: Path) -> dict[str, Path]:
    """Download the modules, checked against go.sum, and return their folders in the cache."""
    listed = ("list", "-m", "-f", "{{.Path}} {{.Dir}}")
    try:
        process.run(tools, "mod", "download", *LEFT_OUT, folder=folder, environment=go.ENVIRONMENT)
        said = process.run(tools, *listed, *LEFT_OUT, folder=folder, environment=go.ENVIRONMENT)
    except process.FailedError as failed:
        remedy = f"{AGAIN}; behind a proxy for Go modules, set GOPROXY to it"
        raise explain(
            "Pulumi's Go modules could not be downloaded", failed.output, remedy
        ) from None
    return {module: Path(where) for module, where in (line.split() for line in said.splitlines())}
