"""A service more: a folder in the shape of one that is there, its row, and its host port's key."""

import ast
import re
import shutil
from pathlib import Path

from bootstrap.errors import Problem
from topology import SERVICES, Service
from workbench.stack import GATEWAY

ROOT = Path(__file__).resolve().parent.parent
MODEL = "microservice2"
NAME = r"[a-z][a-z0-9]+(-[a-z0-9]+)*"
PREFIX = r"/([a-z0-9][a-z0-9._-]*/)+"
ROW = """\
    Service(
        name="{0.name}",
        container="{0.container}",
        prefix="{0.prefix}",
        port={0.port},
        host_port={0.host_port},
        call="{0.call}",
    ),
"""
KEY = """\
  {0.name}Port:
    type: string
    default: "{0.host_port}"
    description: Host port of {0.name}, 1 to 65535.
"""


def add(name: str, prefix: str, root: Path = ROOT) -> Service:
    """Writes all three, or raises Problem and writes nothing."""
    service = Service(
        name=name,
        container=name,
        prefix=f"/{prefix.strip('/')}/",
        port=8080,
        host_port=max(row.host_port for row in SERVICES) + 1,
        call=f"/{name.replace('-', '_')}",
    )
    if wrong := [*_wrong_name(service, root), *_wrong_prefix(service)]:
        raise Problem("\n".join(wrong))
    model = next((row for row in SERVICES if row.name == MODEL), None)
    if model is None:
        raise Problem(f"{MODEL} is what a new service is made like, and it is not there")
    files = {
        root / "topology.py": _with_row(root / "topology.py", service),
        root / "Pulumi.yaml": _with_key(root / "Pulumi.yaml", service),
    }
    _copy(root / "services", model, service)
    for path, text in files.items():
        path.write_text(text)
    return service


def _wrong_name(service: Service, root: Path) -> list[str]:
    name = service.name
    if not re.fullmatch(NAME, name):
        return [f"NAME={name!r} must be small letters and digits, '-' between, such as orders"]
    taken = {GATEWAY, *(n for row in SERVICES for n in (row.name, row.container))}
    if name in taken or (root / "services" / name).exists():
        return [f"NAME={name!r} is taken; taken are {', '.join(sorted(taken))}"]
    return []


def _wrong_prefix(service: Service) -> list[str]:
    prefix = service.prefix
    if not re.fullmatch(PREFIX, prefix):
        return [f"PREFIX={prefix!r} must be a path of small letters and digits, such as /api/v3/"]
    return [
        f"PREFIX={prefix!r} overlaps {row.prefix} of {row.name}; take another, such as /api/v3/"
        for row in SERVICES
        if row.prefix.startswith(prefix) or prefix.startswith(row.prefix)
    ]


def _with_row(path: Path, service: Service) -> str:
    text = path.read_text()
    table = next(
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SERVICES"
    )
    lines = text.splitlines(keepends=True)
    lines.insert((table.end_lineno or len(lines)) - 1, ROW.format(service))
    return "".join(lines)


def _with_key(path: Path, service: Service) -> str:
    """After the key of the last row."""
    text = path.read_text()
    last = re.search(rf"^  {SERVICES[-1].name}Port:\n(?:    .*\n)+", text, re.MULTILINE)
    if last is None:
        raise Problem(f"{path} has no key {SERVICES[-1].name}Port to put the new one after")
    return text[: last.end()] + KEY.format(service) + text[last.end() :]


def _copy(services: Path, model: Service, service: Service) -> None:
    folder = services / service.name
    shutil.copytree(
        services / model.name, folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache")
    )
    app = folder / "app.py"
    text = app.read_text()
    for old, new in _names(model).items():
        text = text.replace(old, new.format(service, service.call[1:].upper()))
    app.write_text(text)


def _names(model: Service) -> dict[str, str]:
    """What the model calls itself, and what that becomes."""
    return {
        model.name: "{0.name}",
        model.call: "{0.call}",
        model.call[1:].upper(): "{1}",
        "yizhigopher": "{0.name}",
    }
