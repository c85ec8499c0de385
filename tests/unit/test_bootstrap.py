"""The bootstrap says what is missing, and builds again only what it built from other sources."""

from pathlib import Path

import pytest

from bootstrap import engine, environment, go, paths, plan, plugin
from bootstrap.errors import Problem


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that was built from a module of one file."""
    monkeypatch.setattr(paths, "BOOTSTRAP", tmp_path)
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "main.go").write_text("package main")
    compiler = tmp_path / "go"
    compiler.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho built > "$2"\n')
    compiler.chmod(0o755)
    output = tmp_path / "bin" / "program"
    go.build(compiler, "module", ".", output)
    return output


def test_what_was_built_from_these_sources_stays(program: Path) -> None:
    assert not go.is_stale(program, "module")


def test_a_changed_source_is_built_again(program: Path) -> None:
    (paths.BOOTSTRAP / "module" / "main.go").write_text("package main // changed")
    assert go.is_stale(program, "module")


def test_what_another_installer_has_put_there_stays(program: Path) -> None:
    (paths.BOOTSTRAP / "module" / "main.go").write_text("package main // changed")
    program.unlink()
    program.write_text("another")
    assert not go.is_stale(program, "module")


def test_the_plan_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engine, "answers", lambda: None)
    monkeypatch.setattr(plugin, "installed", lambda: True)
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    said = plan.say("deploy stack dev")
    assert said.startswith("set up a Docker engine, base images")
    assert "plugin" not in said
    assert said.endswith(".venv; then deploy stack dev")


def test_the_plan_of_a_machine_that_has_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_looks", lambda: {"Pulumi": True})
    assert plan.say("deploy stack dev") == "deploy stack dev; all it needs is there"


def test_an_error_is_one_block() -> None:
    problem = Problem("the disk is full", "first line\nsecond line", "make room")
    assert str(problem).splitlines() == [
        "error: the disk is full",
        "why:   first line",
        "       second line",
        "do:    make room",
    ]
    assert str(Problem("no", remedy="yes")).splitlines() == ["error: no", "do:    yes"]


def test_what_a_user_has_set_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "context_address", lambda: None)
    said = environment.exports({})
    assert "export PULUMI_CONFIG_PASSPHRASE=''" in said
    assert "export PULUMI_PARALLEL=32" in said
    own = {"PULUMI_BACKEND_URL": "s3://ours", "PULUMI_PARALLEL": "4"}
    assert not [
        line for line in environment.exports(own) if "PULUMI" in line and "PATH" not in line
    ]
