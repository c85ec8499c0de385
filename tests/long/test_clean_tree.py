"""Deploying a stack changes none of the files that git tracks."""

from pathlib import Path

import pytest

from tests.support.checkout import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_make_up_of_production_leaves_the_tree_clean(checkout: Checkout) -> None:
    checkout.own_names()
    try:
        checkout.type("make", "up", "STACK=prod")
        assert not checkout.changes()
    finally:
        checkout.type("make", "destroy", "STACK=prod")
    assert not checkout.changes()
