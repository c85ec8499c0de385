"""The table of docs/configuration.md, from Pulumi.yaml; run as a module, it writes it there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "configuration.md"
START, END = "<!-- keys -->\n", "<!-- end of keys -->"
STACKS = ("prod", "swarm")


def table(config: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [_row(key, about) for key, about in config.items()]
    head = "| key | type | default | in a stack's file | says |\n|---|---|---|---|---|"
    return "\n".join([head, *rows, ""])


def _row(key: str, about: Mapping[str, Any]) -> str:
    stacks = {stack: values[key] for stack, values in _stacks().items() if key in values}
    said = "<br>".join(f"{stack}: {_value(value)}" for stack, value in stacks.items())
    default, description = _value(about["default"]), about["description"]
    return f"| `{key}` | {about['type']} | {default} | {said} | {description} |"


def _value(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "empty" if value in ("", [], {}) else f"`{text}`"


def _stacks() -> dict[str, dict[str, Any]]:
    """Return the values of Pulumi.prod.yaml and Pulumi.swarm.yaml."""
    files = {stack: yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text()) for stack in STACKS}
    return {
        stack: {key.partition(":")[2]: value for key, value in file["config"].items()}
        for stack, file in files.items()
    }


def written(page: str) -> str:
    """Return the page with the table filled in."""
    config = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    before, after = page.partition(START)[0], page.partition(END)[2]
    return f"{before}{START}{table(config)}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
