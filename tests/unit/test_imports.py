"""Which modules may import which."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = "tests.support"
# The service table, digests, and what is rendered from them.
PURE = (
    "topology.py",
    "content.py",
    "nginx.py",
    "page.py",
    "timeouts.py",
    "calls.py",
    "addresses.py",
    "sources.py",
    "keys.py",
    "settings.py",
)


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def forbidden(file: Path, source: str) -> list[str]:
    """Return what the file must not import."""
    top, names = file.parts[0], list(imported(source))
    packages = {name: name.split(".")[0] for name in names}
    if top == "tests":
        return [n for n in names if n.startswith("tests.") and not n.startswith(f"{SUPPORT}.")]
    wrong = {"tests", "bench"} - ({"bench"} if top == "bench" else set())
    if top in ("infra", "services", "policy", "topology.py"):
        wrong |= {"tools"}
    if file.name in PURE:
        wrong |= {"pulumi", "pulumi_docker"}
    return [name for name in names if packages[name] in wrong]


def test_no_module_imports_a_test_and_the_product_no_bench() -> None:
    files = [
        path.relative_to(ROOT)
        for path in ROOT.rglob("*.py")
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]
    assert len(files) > 100
    wrong = {str(file): forbidden(file, (ROOT / file).read_text()) for file in files}
    assert {file: names for file, names in wrong.items() if names} == {}


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("tests/unit/test_one.py", "from tests.unit.test_two import ask"),
        ("tests/unit/test_one.py", "from tests.e2e import conftest"),
        ("tests/support/one.py", "import tests.e2e.test_two"),
        ("bench/one.py", "from tests.support.load import load"),
        ("infra/one.py", "def f():\n    import bench"),
        ("tools/one.py", "from tests import support"),
        ("infra/one.py", "from tools.setup import paths"),
        ("topology.py", "import pulumi"),
        ("infra/nginx.py", "import pulumi_docker as docker"),
    ],
)
def test_what_is_forbidden_is_found(file: str, source: str) -> None:
    assert forbidden(Path(file), source)


def test_what_is_allowed_is_not_found() -> None:
    assert not forbidden(Path("tests/unit/a.py"), "from tests.support.load import load")
    assert not forbidden(Path("tests/faults/a.py"), "from bench import stacks")
    assert not forbidden(Path("bench/a.py"), "from bench import load")
    assert not forbidden(Path("tools/recover/a.py"), "from infra import engine")


def test_no_two_modules_have_one_name() -> None:
    roots = ("infra", "policy", "tools", "bench", "tests/support", "services/chassis")
    names = Counter(
        path.name
        for folder in roots
        for path in (ROOT / folder).rglob("*.py")
        if not path.name.startswith("__")
    )
    assert len(names) > 80
    assert [name for name, count in names.items() if count > 1] == []
