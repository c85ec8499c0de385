"""Load the policy pack, and read the engine's messages about violations."""

import re

from tests.support.deployment import ROOT

PACK = f"--policy-pack={ROOT / 'policy'}"


def refused(output: str) -> set[str]:
    """Return the mandatory rules that the engine reports as violated."""
    return set(re.findall(r"\[mandatory\]\s+(\S+)", output))
