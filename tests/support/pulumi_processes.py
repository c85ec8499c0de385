"""Find the processes of a deployment's Pulumi, by the PULUMI_HOME in their environment."""

import re
from pathlib import Path

from tests.support.deployment import Deployment

# Pattern of a command line -> kind of process; the first match counts.
KINDS = {
    "program": r"pulumi-language-python-exec",
    "policy pack": r"python\S* -u \S*policy",
    "language host": r"pulumi-language-python ",
    "plugin": r"pulumi-resource-docker ",
    "engine": r"^pulumi ",
}


def of(deployment: Deployment) -> dict[int, str]:
    """Return the kind of each process by its ID."""
    home = f"PULUMI_HOME={deployment.environment['PULUMI_HOME']}\0".encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if home not in (entry / "environ").read_bytes() + b"\0":
                continue
            arguments = (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:  # it has ended
            continue
        kind = next((kind for kind, sign in KINDS.items() if re.search(sign, arguments)), None)
        if kind:
            found[int(entry.name)] = kind
    return found
