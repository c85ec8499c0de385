"""Making a stack changes none of the files that git tracks."""

import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import Checkout


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
