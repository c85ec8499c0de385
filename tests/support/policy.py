"""The policy pack, and what the engine says that it refuses."""

import re

from tests.support.deployment import ROOT

PACK = f"--policy-pack={ROOT / 'policy'}"


def refused(output: str) -> set[str]:
    """The rules that the engine says are broken, each as mandatory."""
    return set(re.findall(r"\[mandatory\]\s+(\S+)", output))
