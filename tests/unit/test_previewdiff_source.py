"""Which two trees are compared, on real repositories."""

import subprocess
from pathlib import Path

import pytest

from tools.previewdiff.trees import Repository
from tools.setup.errors import Problem


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", name)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".gitignore").write_text("ignored\n")
    commit(folder, "run", "one\n")
    return folder


def test_a_branch_is_compared_with_where_it_left_the_base(repository: Path) -> None:
    start = git(repository, "rev-parse", "HEAD")
    git(repository, "switch", "--quiet", "--create", "feature")
    head = commit(repository, "new", "")
    git(repository, "switch", "--quiet", "main")
    commit(repository, "elsewhere", "")
    git(repository, "switch", "--quiet", "feature")
    compared = Repository(repository).compare("main")
    assert (compared.base, compared.head, compared.uncommitted) == (start, head, ())


def test_the_base_as_it_was_committed(repository: Path, tmp_path: Path) -> None:
    (repository / "run").chmod(0o755)
    base = commit(repository, "run", "one\n")
    (repository / "run").write_text("two\n")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "stale").touch()
    Repository(repository).lay_out_commit(base, tmp_path / "project")
    assert sorted(p.name for p in (tmp_path / "project").iterdir()) == [".gitignore", "run"]
    assert (tmp_path / "project" / "run").read_text() == "one\n"
    assert (tmp_path / "project" / "run").stat().st_mode & 0o100
    assert git(repository, "status", "--porcelain") == "M run"
    assert git(repository, "worktree", "list").count("\n") == 0


def test_uncommitted_changes_count_and_ignored_files_do_not(
    repository: Path, tmp_path: Path
) -> None:
    commit(repository, "gone", "")
    (repository / "gone").unlink()
    (repository / "run").write_text("two\n")
    (repository / "new file").touch()
    (repository / "ignored").touch()
    source = Repository(repository)
    assert source.compare("main").uncommitted == ("gone", "run", "new file")
    source.lay_out_working_tree(tmp_path / "project")
    names = sorted(path.name for path in (tmp_path / "project").iterdir())
    assert names == [".gitignore", "new file", "run"]
    assert (tmp_path / "project" / "run").read_text() == "two\n"


def test_a_base_that_is_not_here_says_how_to_fetch_it(repository: Path) -> None:
    with pytest.raises(Problem, match=r"no commit 'origin/main' here\ndo: .*git fetch origin"):
        Repository(repository).compare("origin/main")
    with pytest.raises(Problem, match=r"no commit '--all' here"):
        Repository(repository).compare("--all")


def test_a_shallow_and_detached_checkout(repository: Path, tmp_path: Path) -> None:
    git(repository, "switch", "--quiet", "--create", "feature")
    head = commit(repository, "new", "")
    git(repository, "switch", "--quiet", "main")
    base = commit(repository, "elsewhere", "")
    shallow = tmp_path / "shallow"
    url = repository.as_uri()
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=feature", url, str(shallow))
    git(shallow, "switch", "--quiet", "--detach", head)
    with pytest.raises(Problem, match=r"git fetch origin \+refs/heads/main:refs/remotes"):
        Repository(shallow).compare("origin/main")
    git(
        shallow,
        "fetch",
        "--quiet",
        "--depth=1",
        "origin",
        "+refs/heads/main:refs/remotes/origin/main",
    )
    compared = Repository(shallow).compare("origin/main")
    assert (compared.base, compared.head) == (base, head)
    assert "shallow" in compared.note


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="not a git repository"):
        Repository(tmp_path)
