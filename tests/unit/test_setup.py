"""The setup reports what is missing, and rebuilds only what it built from older sources."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tools.setup import go, modules, paths
from tools.setup.errors import Problem

SECONDS = 300


@pytest.fixture
def compiler() -> Path:
    own = shutil.which("go")
    installed = sorted(paths.cache().glob("go-*/go/bin/go"))
    if not own and not installed:
        pytest.skip("no Go here: the setup installs one where it has to build")
    return Path(own) if own else installed[-1]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module with two programs and a package that both are made of."""
    folder = tmp_path / "module"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        text = f'import "example.org/m/said"\n\nfunc main() {{ print("{name}" + said.It) }}\n'
        (folder / name / "main.go").write_text(f"package main\n\n{text}")
    (folder / "said").mkdir()
    (folder / "said" / "said.go").write_text('package said\n\nvar It = "!"\n')
    (folder / "go.mod").write_text("module example.org/m\n\ngo 1.21\n")
    return folder


def build(compiler: Path, module: Path) -> dict[str, Path]:
    outputs = {f"./{name}": module.parent / "bin" / f"my-{name}" for name in ("one", "two")}
    go.build_all(compiler, str(module), outputs)
    return outputs


def said(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=True).stderr


def run_setup(*verb: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the setup on a machine that has nothing but Python."""
    bare = {"HOME": "/nonexistent", "PATH": "/nonexistent", "DOCKER_HOST": "unix:///nonexistent"}
    return subprocess.run(
        [sys.executable, "-m", "tools.setup", *verb],
        cwd=paths.PROJECT, env={**bare, **environment},
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip


def test_programs_are_built_together_and_named_as_asked(compiler: Path, module: Path) -> None:
    outputs = build(compiler, module)
    assert [said(output) for output in outputs.values()] == ["one!", "two!"]
    assert sorted(path.name for path in (module.parent / "bin").iterdir()) == [
        ".my-one.sources", ".my-two.sources", "my-one", "my-two",
    ]  # fmt: skip


def test_what_was_built_from_other_sources_is_stale(compiler: Path, module: Path) -> None:
    one, two = build(compiler, module).values()
    assert not go.is_stale(one, str(module))
    (module / "said" / "said.go").write_text('package said\n\nvar It = "?"\n')
    assert go.is_stale(one, str(module))
    two.unlink()
    shutil.copy(one, two)  # as another installer would
    assert not go.is_stale(two, str(module))
    build(compiler, module)
    assert said(one) == "one?"
    assert not go.is_stale(one, str(module))


def test_a_build_that_fails_leaves_what_was_there(compiler: Path, module: Path) -> None:
    one, _ = build(compiler, module).values()
    (module / "two" / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    with pytest.raises(Problem, match="my-one, my-two could not be built") as failed:
        build(compiler, module)
    assert "undefined: nothing" in failed.value.why
    assert said(one) == "one!"


def test_a_copied_module_lacks_its_tests_and_what_is_left_out(module: Path, tmp_path: Path) -> None:
    (module / "said" / "said_test.go").write_text("package said\n")
    (module / "said" / "testdata").mkdir()
    (module / "one").chmod(0o555)  # as in Go's module cache
    modules.copy(module, tmp_path / "copy", ("two/main.go",))
    copied = {str(p.relative_to(tmp_path / "copy")) for p in (tmp_path / "copy").rglob("*")}
    assert copied == {"go.mod", "one", "one/main.go", "two", "said", "said/said.go"}
    (tmp_path / "copy" / "one" / "more.go").write_text("package main\n")


def test_each_stub_is_in_a_module_that_is_copied() -> None:
    stubs = paths.SETUP / modules.MODULE / "_stubs"
    for file in stubs.rglob("*.go"):
        name = str(file.relative_to(stubs))
        assert any(name.startswith(f"{module}/") for module in modules.LEFT_OUT), name


def test_the_plan_names_what_is_missing(tmp_path: Path) -> None:
    plan = "from tools.setup import plan; print(plan.describe('deploy stack dev'))"

    def say() -> str:
        return subprocess.run(
            [sys.executable, "-c", plan], cwd=paths.PROJECT, capture_output=True, text=True,
            env={"HOME": str(tmp_path), "PATH": "", "DOCKER_HOST": "unix:///nonexistent"},
            timeout=SECONDS, check=True,
        ).stdout.strip()  # fmt: skip

    first = "install a Docker engine, base images, Pulumi, its Docker plugin, uv"
    assert say().startswith(first)
    assert say().endswith("; then deploy stack dev")
    (tmp_path / ".pulumi" / "bin").mkdir(parents=True)
    (tmp_path / ".pulumi" / "bin" / "pulumi").touch()
    assert say().startswith("install a Docker engine, base images, its Docker plugin, uv")


def test_an_error_is_one_block() -> None:
    problem = Problem("the disk is full", "first line\nsecond line", "make room")
    assert str(problem).splitlines() == [
        "error: the disk is full",
        "why:   first line",
        "       second line",
        "do:    make room",
    ]
    assert str(Problem("no", remedy="yes")).splitlines() == ["error: no", "do:    yes"]


def test_what_a_user_has_set_wins() -> None:
    said = run_setup("env").stdout.splitlines()
    assert "export PULUMI_CONFIG_PASSPHRASE=''" in said
    assert "export PULUMI_PARALLEL=32" in said
    assert "export UV_SYSTEM_CERTS=1" in said
    own = run_setup(
        "env", PULUMI_BACKEND_URL="s3://ours", PULUMI_PARALLEL="4", UV_SYSTEM_CERTS="0"
    ).stdout
    assert "PULUMI_CONFIG_PASSPHRASE" not in own
    assert "PULUMI_PARALLEL" not in own
    assert "UV_SYSTEM_CERTS" not in own


@pytest.mark.parametrize(
    "name", ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
)
def test_a_browser_of_any_name_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch(0o755)
    done = run_setup("browser", HOME=str(tmp_path), PATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_browser_the_tests_go_on_and_say_so(tmp_path: Path) -> None:
    done = run_setup("browser", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "NO BROWSER: the page's tests are skipped. there is no apt-get" in done.stderr
    assert "to run them: install chromium" in done.stderr


def test_without_a_browser_ci_fails(tmp_path: Path) -> None:
    done = run_setup("browser", HOME=str(tmp_path), CI="true")
    assert done.returncode == 1
    assert "error: chromium is missing" in done.stderr


def test_a_normal_user_without_a_browser_is_told_how_to_get_one() -> None:
    code = (
        "import os, sys; from tools.setup import browser, progress; "
        "os.getuid() or os.setuid(65534); browser.ensure(progress.Progress(sys.stdout))"
    )
    with tempfile.TemporaryDirectory() as name:  # only root can read below pytest's folder
        Path(name).chmod(0o755)
        (Path(name) / "apt-get").touch(0o755)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=paths.PROJECT, capture_output=True, text=True,
            env={"PATH": name}, timeout=SECONDS, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "NO BROWSER" in done.stdout
    assert "sudo apt-get install chromium" in done.stdout
