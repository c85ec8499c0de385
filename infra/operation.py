"""Which Pulumi command runs this program. The engine does not pass it on."""

import os
from collections.abc import Sequence
from pathlib import Path

DESTROY = ("destroy", "down", "dn")  # its aliases in `pulumi destroy --help`
# Flags before the command that take no value; every other one takes the next argument.
SWITCHES = {
    *("-e", "--emoji", "-Q", "--fully-qualify-stack-names", "--disable-integrity-checking"),
    *("--logflow", "--logtostderr", "--non-interactive"),
}


def is_destroy() -> bool:
    """Return whether this program runs for `pulumi destroy --run-program`."""
    pid = os.getpid()
    while (pid := _parent(pid)) > 1:
        program, *arguments = _arguments(pid) or [""]
        if Path(program).name == "pulumi":
            return command(arguments) in DESTROY
    return False


def command(arguments: Sequence[str]) -> str:
    """Return the first word that is neither a flag nor a flag's value."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if word not in SWITCHES and "=" not in word:
            next(words, None)
    return ""


def _parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:  # a system without /proc, or a parent of another user
        return 0
    return int(status.rpartition(")")[2].split()[1])


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []
