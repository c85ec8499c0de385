"""A branch's edits, previewed against a deployment of its base; and nothing left of it, ever."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.deployment import ROOT
from tests.support.waiting import wait_until

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org")


class Repository:
    """A repository of its own with the project as it is now, and a folder for what is temporary."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "repository"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                target = self.root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((ROOT / name).read_bytes())
                target.chmod((ROOT / name).stat().st_mode)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()
        self.git("switch", "--quiet", "--create", "feature")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *IDENTITY, *arguments], cwd=self.root, check=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")

    def replace(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new, 1))

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "previewdiff", "--base=main", *options],
            cwd=self.root,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def preview(self, *options: str) -> tuple[int, str, str]:
        child = self.start(*options)
        try:
            output, errors = child.communicate(timeout=300)
        finally:
            child.terminate()  # where it hangs, it still removes what it made
            child.wait(120)
        return child.returncode, output, errors

    def stack(self) -> str:
        """The stack's name, once its backend has it."""
        found: list[Path] = []

        def there() -> bool:
            found[:] = self.temporary.glob("*/state/.pulumi/stacks/microservices/*.json")
            return bool(found)

        wait_until(there, "a stack")
        return found[0].stem


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    one = Repository(tmp_path)
    before = left()
    yield one
    assert left() - before == set()
    assert list(one.temporary.iterdir()) == []


def left() -> set[str]:
    """Everything on the engine that a preview made, by its label or its name."""
    engine = docker.from_env()
    try:
        containers = [str(c.name) for c in engine.containers.list(all=True, ignore_removed=True)]
        networks = [str(n.name) for n in engine.networks.list()]
        images = [tag for image in engine.api.images() for tag in image["RepoTags"] or ()]
    finally:
        engine.close()
    return {name for name in (*containers, *networks, *images) if name.startswith("preview-")}


def test_three_edits_are_exactly_what_shows(repository: Repository) -> None:
    repository.replace("frontend/index.html", "<h1>", "<h1>Now: ")
    repository.replace("services/microservice2/app.py", "I am yizhigopher!", "I am someone else!")
    repository.commit()
    repository.replace("Pulumi.yaml", 'default: "80"', 'default: "8088"')
    code, output, _ = repository.preview("--json")
    found = json.loads(output)
    shown = {(r["action"], r["type"], r["name"]) for r in found["resources"]}
    assert shown == {
        ("replaced", "docker:Container", "frontend"),
        ("replaced", "docker:Container", "microservice2"),
        ("replaced", "docker:RemoteImage", "microservice2"),
    }
    frontend, service, image = found["resources"]
    changed = {p["path"]: (p["old"], p["new"]) for p in frontend["properties"]}
    assert sorted(changed) == ["labels[microservices.mounts]", "ports[0].external"]
    assert changed["ports[0].external"] == (80, 8088)
    changed = {p["path"]: (p["old"], p["new"]) for p in service["properties"]}
    assert sorted(changed) == [
        "image",
        "labels[microservices.image]",
        "labels[microservices.mounts]",
    ]
    [name] = image["properties"]
    assert changed["image"] == (name["old"], name["new"])
    assert name["old"].startswith("microservice2:v1-")
    assert found["head"]["uncommitted"] == ["Pulumi.yaml"]
    assert code == 0
    markdown = (repository.root / "preview-diff.md").read_text()
    assert "## Preview: 3 replaced\n" in markdown
    assert f"`image`: `{name['old']}` → `{name['new']}` (replaces)" in markdown
    assert "preview-" not in markdown.replace("preview-diff", "")
    assert json.loads((repository.root / "preview-diff.json").read_text()) == found


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_an_edit_of_nothing_deployed_is_no_change(repository: Repository, stack: str) -> None:
    repository.replace("README.md", "#", "##")
    repository.commit()
    code, output, errors = repository.preview("--expect-no-changes", f"--stack={stack}")
    assert code == 0, output + errors
    assert "## Preview: no changes" in output


def test_a_key_that_the_base_does_not_know_and_a_program_that_refuses(
    repository: Repository,
) -> None:
    key = 'config:\n  unknownPort:\n    type: string\n    default: "81"\n'
    repository.replace("Pulumi.yaml", "config:\n", key)
    code, output, _ = repository.preview()
    assert code == 1
    assert "## Preview: it failed" in output
    assert "unknownPort" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["network", "container"])
def test_interrupted_leaves_nothing(
    repository: Repository, number: signal.Signals, moment: str
) -> None:
    child = repository.start()
    stack = repository.stack()

    def reached() -> bool:
        engine = docker.from_env()
        try:
            there: list[object] = (
                [*engine.networks.list(names=[stack])]
                if moment == "network"
                else [*engine.containers.list(filters={"name": stack}, ignore_removed=True)]
            )
        finally:
            engine.close()
        return bool(there)

    wait_until(reached, moment)
    child.send_signal(number)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == 128 + number, errors
    assert "everything that was made is removed" in errors
    assert not (repository.root / "preview-diff.md").exists()
