"""A digest changes with what is deployed, and with nothing else."""

import os
from pathlib import Path

import pytest

from infra.admission import closed
from infra.content import digest, unreadable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "app.py").write_text("one")
    (tmp_path / "context" / ".dockerignore").write_text("# caches\n__pycache__\n")
    return tmp_path / "context"


def test_a_digest_is_twelve_hex_digits(folder: Path) -> None:
    assert len(digest(folder)) == 12
    int(digest(folder), 16)


def test_content_names_and_arguments_count(folder: Path) -> None:
    seen = {digest(folder), digest(folder, arguments=["a=1"]), digest(folder, arguments=["a=2"])}
    (folder / "app.py").write_text("two")
    seen.add(digest(folder))
    (folder / "app.py").rename(folder / "main.py")
    seen.add(digest(folder))
    assert len(seen) == 5


def test_times_ignored_files_and_the_place_do_not_count(folder: Path) -> None:
    before = digest(folder)
    os.utime(folder / "app.py", (1, 1))
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "app.pyc").write_text("x")
    assert digest(folder) == before
    assert digest(folder.rename(folder.parent / "elsewhere")) == before


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        digest(tmp_path / "gone")


def test_a_file_that_others_cannot_read_is_found(folder: Path) -> None:
    app = folder / "app.py"
    assert unreadable(folder) is None
    app.chmod(0o600)
    assert unreadable(folder) == app
    app.chmod(0o644)
    folder.chmod(0o700)
    assert unreadable(folder)


def test_what_is_refused_names_the_file_and_the_command(tmp_path: Path) -> None:
    for name in ("services", "frontend", "nginx"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one").write_text("")
    assert closed(tmp_path) == []
    (tmp_path / "nginx" / "one").chmod(0o640)
    (line,) = closed(tmp_path)
    assert line.startswith("nginx/one: containers run as users who cannot read it")
    assert line.endswith("run chmod -R o+rX nginx")
