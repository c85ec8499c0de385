"""What the container that asks the CA says of the gateway's certificate."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from docker.models.containers import Container

from tools.operate.deployed import Stack
from tools.setup.errors import Problem
from topology import CERTIFIER

ASKED = "the CA is being asked"  # what certificates/renew.py says until it has the first answer
FIRST_ANSWER = 120.0  # seconds that a CA may take
POLL = 0.5


def of(containers: Iterable[Container]) -> Container | None:
    """Return the container that asks the CA, if there is one among these."""
    return next((one for one in containers if str(one.name).endswith(CERTIFIER)), None)


def said(container: Container) -> str:
    """Return what its last health check printed: the names, and how their certificate stands."""
    return str(_last_check(container)["Output"]).strip()


def _last_check(container: Container) -> Mapping[str, Any]:
    checks = container.attrs["State"].get("Health", {}).get("Log")
    return checks[-1] if checks else {"Output": "", "ExitCode": 0}


def wait(stack: Stack) -> str:
    """Return how the certificate stands once the CA has answered; "" if the stack asks none.

    Raises Problem with what the CA said. The gateway serves all the same.
    """
    container = of(stack.containers())
    deadline = time.monotonic() + FIRST_ANSWER
    while container:
        state = said(container)
        if state and ASKED not in state:
            if _last_check(container)["ExitCode"] == 0:
                return state
            raise Problem("the CA gives no certificate", state, "docs/https.md, and it asks again")
        if time.monotonic() > deadline:
            raise Problem("the CA is slow", state, "`make status` shows when it has answered")
        time.sleep(POLL)
        container.reload()
    return ""
