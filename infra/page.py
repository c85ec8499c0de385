"""The service table as JSON for the page: what it draws and what its buttons call."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from topology import GATEWAY, Service

SHOWN = ("name", "container", "prefix", "port", "call", "timeout", "calls", "chain")


def render(replicas: Mapping[Service, Sequence[str]], *, network: str) -> str:
    """What the gateway serves at /topology.json."""
    # The page may ask its own host only.
    routed = {row: names for row, names in replicas.items() if row.prefix and not row.host}
    rows = [_shown(service) | {"replicas": list(names)} for service, names in routed.items()]
    gateway = {"container": GATEWAY, "port": 80}
    return json.dumps({"network": network, "gateway": gateway, "services": rows})


def _shown(service: Service) -> dict[str, object]:
    columns = asdict(service)
    return {column: columns[column] for column in SHOWN}
