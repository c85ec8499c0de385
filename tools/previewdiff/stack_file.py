"""The configuration file of the temporary stack."""

import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from infra.content import digest
from tools.previewdiff.isolation import Isolation
from tools.setup.errors import Problem


def configuration(project: Path, isolation: Isolation) -> dict[str, Any]:
    """Return the commit's own Pulumi.STACK.yaml, with the isolated values in place of its own."""
    pulumi = _yaml(project / "Pulumi.yaml")
    if not pulumi:
        raise Problem("the base has no Pulumi.yaml", "there is nothing to compare with")
    file = _yaml(project / f"Pulumi.{isolation.stack}.yaml")
    namespace = f"{pulumi['name']}:"
    defaults = {key: _default(entry) for key, entry in (pulumi.get("config") or {}).items()}
    said = dict(file.get("config") or {})
    said.pop("docker:host", None)  # the temporary stack is made here
    declared = {key: said.get(namespace + key, value) for key, value in defaults.items()}
    if isinstance(declared.get("services"), dict):
        declared["services"] = _with_host_ports(declared["services"], project)
    own = isolation.configuration(declared)
    return {**file, "config": {**said, **{namespace + key: own[key] for key in own}}}


def take_secrets(content: dict[str, Any]) -> dict[str, str]:
    """Take the services' secrets out of the file, and return a stand-in for each by its path.

    If the file has no other secret, a preview needs no passphrase then. A secret that was set anew
    has another stand-in.
    """
    found: Any = next((v for k, v in content["config"].items() if k.endswith(":services")), {})
    services = found if isinstance(found, dict) else {}
    taken = {
        f"services.{service}.secrets.{name}": digest(arguments=[str(value)])
        for service, own in services.items()
        if isinstance(own, dict) and isinstance(own.get("secrets"), dict)
        for name, value in own.pop("secrets").items()
    }
    if "'secure'" not in str(content):
        content.pop("encryptionsalt", None)
    return taken


def rows(project: Path) -> Sequence[Any]:
    """Return the rows of this commit's own table."""
    try:
        found: Sequence[Any] = runpy.run_path(str(project / "topology.py"))["SERVICES"]
    except Exception:  # noqa: BLE001  the program reports it
        return ()
    return found


def _with_host_ports(services: dict[str, Any], project: Path) -> dict[str, Any]:
    """Return `services` with each row's host port, where `services` does not set it."""
    own = {row.name: {"hostPort": row.host_port} for row in rows(project)}
    return services | {
        name: ports | services.get(name, {})
        for name, ports in own.items()
        if isinstance(services.get(name, {}), dict)
    }


def _default(entry: Any) -> Any:  # noqa: ANN401  what a YAML file holds
    return entry.get("default", entry.get("value")) if isinstance(entry, dict) else entry


def _yaml(file: Path) -> dict[str, Any]:
    return (yaml.safe_load(file.read_text()) or {}) if file.exists() else {}
