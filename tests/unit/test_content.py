"""A digest changes with what is deployed, and with nothing else."""

import os
from pathlib import Path

import pytest

from infra.content import digest


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
