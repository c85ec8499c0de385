"""Which Pulumi command runs this program. The engine does not pass it on."""

from collections.abc import Sequence

import psutil

DESTROY = ("destroy", "down", "dn")  # its aliases in `pulumi destroy --help`
# Flags before the command that take no value; every other one takes the next argument.
SWITCHES = {
    *("-e", "--emoji", "-Q", "--fully-qualify-stack-names", "--disable-integrity-checking"),
    *("--logflow", "--logtostderr", "--non-interactive"),
}


def is_destroy() -> bool:
    """Return whether this program runs for `pulumi destroy --run-program`."""
    above = psutil.Process().parents()
    found = next((process for process in above if process.name() == "pulumi"), None)
    return found is not None and command(found.cmdline()[1:]) in DESTROY


def command(arguments: Sequence[str]) -> str:
    """Return the first word that is neither a flag nor a flag's value."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if word not in SWITCHES and "=" not in word:
            next(words, None)
    return ""
