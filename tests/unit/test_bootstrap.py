"""The bootstrap builds again what it built from other sources, and nothing else."""

from pathlib import Path

import pytest

from bootstrap import go, paths


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
