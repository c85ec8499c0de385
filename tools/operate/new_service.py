"""Add a service: its app.py and its row in topology.py."""

import ast
import re
from pathlib import Path

from tools.setup.errors import Problem
from topology import GATEWAY, SERVICES, Service

ROOT = Path(__file__).resolve().parents[2]
NAME = r"[a-z][a-z0-9]+(-[a-z0-9]+)*"
PREFIX = r"/([a-z0-9][a-z0-9._-]*/)+"
APP = '''\
"""{0.name}: says who it is."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import chassis


async def hello(_request: Request) -> Response:
    return chassis.answer(2000, "I am {0.name}!")


app = chassis.service("{0.name}", routes=[Route("{0.call}", hello)])
'''
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


def add(name: str, prefix: str, root: Path = ROOT) -> Service:
    """Write both, or raise Problem and write nothing."""
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
    files = {
        root / "services" / name / "app.py": APP.format(service),
        root / "topology.py": _with_row(root / "topology.py", service),
    }
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return service


def _wrong_name(service: Service, root: Path) -> list[str]:
    name = service.name
    if not re.fullmatch(NAME, name):
        return [f"NAME={name!r} must be small letters and digits, '-' between, such as orders"]
    rows = {name for row in SERVICES for name in (row.name, row.container)}
    taken = {GATEWAY, *rows, *(path.name for path in (root / "services").iterdir())}
    if name in taken:
        return [f"NAME={name!r} is taken; taken are {', '.join(sorted(taken))}"]
    return []


def _wrong_prefix(service: Service) -> list[str]:
    prefix = service.prefix
    if not re.fullmatch(PREFIX, prefix):
        return [f"PREFIX={prefix!r} must be a path of small letters and digits, such as /api/v3/"]
    return [
        f"PREFIX={prefix!r} overlaps {row.prefix} of {row.name}; take another, such as /api/v3/"
        for row in SERVICES
        if row.prefix and (row.prefix.startswith(prefix) or prefix.startswith(row.prefix))
    ]


def _with_row(path: Path, service: Service) -> str:
    text = path.read_text()
    table = next(
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "SERVICES"
    )
    lines = text.splitlines(keepends=True)
    lines.insert((table.end_lineno or len(lines)) - 1, ROW.format(service))
    return "".join(lines)
