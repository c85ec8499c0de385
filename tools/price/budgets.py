"""`--budget no-loss,no-data`: what an update may not cost."""

import argparse
from collections.abc import Sequence

from tools.price.effects import BUDGETS, Price
from tools.setup.errors import Problem

EXCEEDED = 5  # the exit code


def read(text: str) -> tuple[str, ...]:
    """Return the parts of a budget. An empty text is no budget."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if wrong := [part for part in parts if part not in BUDGETS]:
        right = ", ".join(BUDGETS)
        raise argparse.ArgumentTypeError(f"{', '.join(wrong)!r} is no budget; there are {right}")
    return parts


def refusal(price: Price, exceeded: Sequence[str]) -> Problem:
    """Return the error that names what is too expensive."""
    worst = {effect for part in exceeded for effect in BUDGETS[part]}
    named = [f"{one.name}: {one}" for one in price.items if one.effect in worst]
    return Problem(
        f"the price exceeds the budget {','.join(exceeded)}",
        "\n".join(named),
        "change less, or accept the price: leave out that part of the budget",
    )
