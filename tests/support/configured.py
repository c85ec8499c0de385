"""Give the program a stack's configuration in the way the engine does."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from infra import configuration
from infra.settings import Settings
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]


def declared() -> dict[str, dict[str, Any]]:
    """Return what Pulumi.yaml says of each key."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    return found


def encoded(config: Mapping[str, object]) -> str:
    """Return PULUMI_CONFIG: these keys over the defaults of Pulumi.yaml, all but texts as JSON."""
    values = {key: entry["default"] for key, entry in declared().items()} | dict(config)
    return json.dumps(
        {
            f"{pulumi.get_project()}:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in values.items()
        }
    )


def read(config: Mapping[str, object], secret: Iterable[str] = ()) -> Settings:
    """Return the settings of a stack with these keys, some of them secret."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_CONFIG", encoded(config))
        pulumi.runtime.set_all_config({}, [f"{pulumi.get_project()}:{key}" for key in secret])
        try:
            return configuration.read(SERVICES)
        finally:
            pulumi.runtime.set_all_config({}, [])
