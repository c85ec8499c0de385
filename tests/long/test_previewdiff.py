"""`make preview-diff` shows a branch's edits against its base, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.polling import wait_until
from tests.support.repository import Repository

# Counts what is left on the engine, so no other preview may run meanwhile.
pytestmark = pytest.mark.xdist_group("previewdiff")


class Branch(Repository):
    """A branch that nothing has changed yet, and a folder for what is temporary."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "repository")
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.git("switch", "--quiet", "--create", "feature")

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tools.previewdiff", "--base=main", *options],
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
            child.terminate()  # SIGTERM: it still removes what it has created
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
def repository(tmp_path: Path) -> Iterator[Branch]:
    one = Branch(tmp_path)
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
        volumes = [str(v.name) for v in engine.volumes.list()]
    finally:
        engine.close()
    everything = (*containers, *networks, *images, *volumes)
    return {name for name in everything if name.startswith("preview-")}


def test_three_edits_are_exactly_what_shows(repository: Branch) -> None:
    repository.replace("frontend/index.html", "<h1>", "<h1>Now: ")
    repository.replace("services/microservice2/app.py", "I am yizhigopher!", "I am someone else!")
    repository.commit()
    repository.replace("Pulumi.yaml", "default: 80\n", "default: 8088\n")
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
    content, tag, name = image["properties"]
    assert content["path"] == "build.labels.microservices.content"
    assert tag["path"] == "build.labels.microservices.tag"
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
def test_an_edit_of_nothing_deployed_is_no_change(repository: Branch, stack: str) -> None:
    repository.replace("README.md", "#", "##")
    repository.commit()
    code, output, errors = repository.preview("--expect-no-changes", f"--stack={stack}")
    assert code == 0, output + errors
    assert "## Preview: no changes" in output


def test_a_secret_that_was_set_anew_is_masked_and_needs_no_passphrase(repository: Branch) -> None:
    secret = "config:\n  microservices:services:\n    microservice1:\n      secrets:\n"
    secret += "        TOKEN:\n          secure: v1:first\n"
    secret += "  microservices:tls: files\n  microservices:domain: shop.test www.shop.test\n"
    secret += "  microservices:tlsKey:\n    secure: v1:first\n"
    secret += "  microservices:tlsCertificate: a certificate\n"
    repository.git("switch", "--quiet", "main")
    repository.replace(
        "topology.py", 'call="/say_hello",', 'call="/say_hello", secrets=("TOKEN",),'
    )
    repository.replace("Pulumi.prod.yaml", "config:\n", secret)
    repository.commit()
    repository.git("switch", "--quiet", "feature")
    repository.git("merge", "--quiet", "main")
    for _ in ("TOKEN", "tlsKey"):
        repository.replace("Pulumi.prod.yaml", "v1:first", "v1:second")
    repository.commit()
    code, output, errors = repository.preview("--stack=prod", "--json")
    assert code == 0, output + errors
    shown = {(r["action"], r["name"]) for r in json.loads(output)["resources"]}
    replicas = ("microservice1", "microservice1-2")
    holders = ("microservice1-secrets", "frontend-certificate")
    assert shown == {("replaced", name) for name in (*holders, *replicas)}
    assert "[secret]" in output
    assert "v1:" not in output


def test_a_key_that_the_base_does_not_know_and_a_program_that_refuses(
    repository: Branch,
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
    repository: Branch, number: signal.Signals, moment: str
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
