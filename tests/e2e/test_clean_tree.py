"""Deploying a stack changes none of the files that git tracks."""

import os
import random
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.processes import free_ports, run
from tests.support.repository import Repository

SECONDS = 600


class Checkout(Repository):
    """A clone of the project whose production stack has names, a port and a state of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "project")
        home = folder / "home"
        home.mkdir()
        (folder / "state").mkdir()
        (home / "plugins").symlink_to(Path.home() / ".pulumi" / "plugins")
        self.environment = {
            **os.environ,
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def own_names(self) -> None:
        file = self.root / "Pulumi.prod.yaml"
        name = f"clean-{random.randint(1000, 9999)}"
        settings = yaml.safe_load(file.read_text())
        settings["config"] |= {
            "microservices:frontendPort": str(free_ports(1)[0]),
            "microservices:networkName": name,
            "microservices:namePrefix": f"{name}-",
            "microservices:subnet": f"10.{random.randint(1, 127)}.{random.randint(0, 255)}.0/24",
        }
        file.write_text(yaml.safe_dump(settings, sort_keys=False))
        self.commit()

    def type(self, *command: str) -> None:
        done = run([*command], seconds=SECONDS, cwd=self.root, env=self.environment)
        assert done.returncode == 0, done.stdout + done.stderr

    def changes(self) -> str:
        status = ["git", "status", "--porcelain"]
        return subprocess.run(
            status, cwd=self.root, capture_output=True, text=True, check=True
        ).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("stack", ["dev", "prod", "swarm"])
def test_a_new_stack_leaves_the_tree_clean(checkout: Checkout, stack: str) -> None:
    checkout.type("pulumi", "stack", "init", stack, "--non-interactive")
    assert not checkout.changes()


def test_what_a_user_sets_is_all_that_changes(checkout: Checkout) -> None:
    checkout.type("pulumi", "stack", "init", "prod", "--non-interactive")
    checkout.type("pulumi", "config", "set", "--stack", "prod", "replicas", "3")
    changed = subprocess.run(
        ["git", "diff", "--unified=0"],
        cwd=checkout.root, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = [line for line in changed.splitlines() if line[0] in "+-" and line[1] not in "+-"]
    assert [line.strip("+- ") for line in lines] == [
        'microservices:replicas: "2"',
        'microservices:replicas: "3"',
    ]


def test_make_up_of_production_leaves_the_tree_clean(checkout: Checkout) -> None:
    checkout.own_names()
    try:
        checkout.type("make", "up", "STACK=prod")
        assert not checkout.changes()
    finally:
        checkout.type("make", "destroy", "STACK=prod")
    assert not checkout.changes()
