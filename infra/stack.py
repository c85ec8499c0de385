"""The labels of the stack that this program runs for."""

from collections.abc import Callable
from typing import TypeVar

import pulumi

from infra import labels

Label = TypeVar("Label")


def own_labels() -> dict[str, str]:
    return labels.of_stack(pulumi.get_project(), pulumi.get_stack())


def labelled(kind: Callable[..., Label], **more: pulumi.Input[str]) -> list[Label]:
    """Return the stack's labels, and more, as arguments of a kind such as NetworkLabelArgs."""
    return [kind(label=key, value=value) for key, value in {**own_labels(), **more}.items()]
