"""The docs name only files, headings, targets, keys, stacks and messages that exist."""

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

import pytest
import yaml

from infra import engine, keys, nginx
from tests.support import configuration_page, newer_engines
from tools.operate import new_service
from topology import SERVICES, Service

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROVIDER_KEYS = {"docker:host", "docker:registryAuth"}
SPEAKING = (
    "infra",
    "tools",
    "policy",
    "services/chassis",
    "nginx",
)
FIELD = "…"

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> list[str]:
    """Every line of a code block, and every code span."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(text))
    indented = re.findall(r"^    (.+)$", prose(text), re.MULTILINE)
    return [*(line for block in blocks for line in block.splitlines()), *spans, *indented]


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(`+).+?\1", "", prose(text))):
        path, _, anchor = link.partition("#")
        if re.match(r"https?:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        there = target.exists() and target.is_relative_to(ROOT)
        if not there or (
            anchor and anchor not in anchors(text if target == page else target.read_text())
        ):
            yield link


def unknown_targets(_page: Path, text: str) -> Iterator[str]:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for line in code(text) for name in re.findall(r"\bmake ([a-z][a-z-]*)", line)}
    yield from named - known


def unknown_keys(_page: Path, text: str) -> Iterator[str]:
    known = set(yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]) | PROVIDER_KEYS
    for line in code(text):
        for command in re.findall(r"pulumi config set (.+)", line):
            words = shlex.split(re.sub(r"--stack \S+", "", command), comments=True)
            path = next(word for word in words if not word.startswith("--"))
            key, *within = re.split(r"[\[.]", path)
            of_services = key == "services" and not known_within(*within)
            if not key.isupper() and (key not in known or of_services):
                yield path


def known_within(name: str, key: str, *_: str) -> bool:
    """Whether `services` may say this."""
    keys_of_each = {service.name: keys.OF_SERVICE for service in SERVICES}
    return key in {**keys_of_each, "frontend": keys.OF_GATEWAY}.get(name, ())


def unknown_stacks(_page: Path, text: str) -> Iterator[str]:
    files = {file.suffixes[0][1:] for file in ROOT.glob("Pulumi.*.yaml")}
    named = set(re.findall(r"\bSTACK=([\w-]+)", text))
    yield from {name for name in named - files if not name.isupper()} - {"dev"}


CHECKS: dict[Callable[[Path, str], Iterator[str]], list[str]] = {
    dead_links: [
        "[a](no-such.md)",
        "[a](#no-such)",
        "[a](docs/policy.md#no-such)",
        "``a `b` c`` [a](no-such.md) `d`",
        "[a](../up.md)",
    ],
    unknown_targets: ["`make no-such`", "```console\n$ make no-such\n```\n", "    make no-such\n"],
    unknown_keys: [
        "`pulumi config set noSuch 1`",
        "`pulumi config set --stack prod noSuch 1`",
        "`pulumi config set --path services.microservice1.noSuch 1`",
        "`pulumi config set --path services.noSuch.replicas 1`",
        "`pulumi config set --path services.frontend.replicas 1`",
    ],
    unknown_stacks: ["make up STACK=no-such"],
}
checks = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)


@checks
@pages
def test_what_a_page_names_is_there(
    page: Path, check: Callable[[Path, str], Iterator[str]]
) -> None:
    assert list(check(page, page.read_text())) == []


@checks
def test_what_is_not_there_is_found(check: Callable[[Path, str], Iterator[str]]) -> None:
    for text in CHECKS[check]:
        assert list(check(ROOT / "README.md", text)), text


def messages() -> Iterator[str]:
    """Every text of the program, a field of it as an ellipsis."""
    for file in (file for folder in SPEAKING for file in (ROOT / folder).rglob("*")):
        if file.suffix == ".py":
            yield from map(spoken, ast.walk(ast.parse(file.read_text())))
        elif file.is_file() and file.suffix != ".pyc":
            yield re.sub(r"\$\w+", FIELD, file.read_text())


def spoken(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(spoken, node.values))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return FIELD


def quoted(page: str) -> list[str]:
    """The first cell of each row that begins with a code span."""
    return re.findall(
        r"^\| `([^`]+)` \|", page.partition("<!-- others' messages -->")[0], re.MULTILINE
    )


def unsaid(page: str) -> list[str]:
    said = list(messages())
    return [quote for quote in quoted(page) if not any(quote in message for message in said)]


def test_each_message_of_the_troubleshooting_is_one_of_the_program() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert len(quoted(page)) > 30
    assert unsaid(page) == []
    assert unsaid("| `no such message` | |\n| `… is no message` | |\n") == [
        "no such message",
        "… is no message",
    ]


def test_the_page_of_the_keys_is_that_of_pulumi_yaml() -> None:
    page = configuration_page.PAGE.read_text()
    assert configuration_page.written(page) == page, f"python -m {configuration_page.__name__}"


def test_a_key_that_changes_changes_the_page() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    before = configuration_page.table(config)
    for field in ("type", "default", "description"):
        changed = {**config, "subnet": {**config["subnet"], field: "other"}}
        assert configuration_page.table(changed) != before


def test_the_routes_of_the_readme_are_those_of_the_table() -> None:
    paths = (
        (service.prefix, path) for service in SERVICES for path in (service.call, service.chain)
    )
    calls = {prefix + path.lstrip("/") for prefix, path in paths}
    named = set(re.findall(r"localhost(/api/[\w/]+)", (ROOT / "README.md").read_text()))
    assert named
    assert named <= calls


def test_the_tutorial_quotes_the_table_and_what_nginx_gets() -> None:
    page = (ROOT / "docs" / "tutorial.md").read_text()
    (row,) = re.findall(r"```python\n(Service\(.*?)```", page, re.DOTALL)
    assert indent(row.rstrip(), "    ") in (ROOT / "topology.py").read_text()
    names = {service: [service.container] for service in SERVICES}
    rendered = nginx.render(names) + nginx.render_locations(names)
    (quote,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    for block in re.split(r"(?<=\n}\n)", quote):
        assert block in rendered


def test_the_pages_show_a_service_as_it_is() -> None:
    tutorial, adding = (ROOT / "docs" / f"{name}.md" for name in ("tutorial", "adding-a-service"))
    (quote,) = re.findall(r"```python\n(HELLO = .*?)```", tutorial.read_text(), re.DOTALL)
    assert (ROOT / "services" / "microservice1" / "app.py").read_text().endswith(quote)
    (row,) = re.findall(r"```python\n(Service\(\n.*?)```", adding.read_text(), re.DOTALL)
    orders = eval(row, {"Service": Service})
    (app,) = re.findall(r'```python\n(""".*?)```', adding.read_text(), re.DOTALL)
    assert app == new_service.APP.format(orders)


def test_the_first_command_of_the_readme_is_near_the_top() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert next(n for n, line in enumerate(lines, start=1) if line.startswith("$ ")) <= 20
    assert len(lines) < 150


def test_the_page_of_the_engines_lists_those_that_are_tested() -> None:
    page = (ROOT / "docs" / "supported.md").read_text()
    tested = [line for line in page.splitlines() if line.endswith("| `make test-engines` |")]
    assert [line.split()[2][:2] for line in tested] == list(newer_engines.VERSIONS)
    assert newer_engines.MODULE_VERSION in tested[-1]
    assert f"| Docker {engine.OLDEST}." in page
    assert f"older than {engine.OLDEST} (API {engine.OLDEST_API})" in page


def test_the_dev_container_sets_up_by_make() -> None:
    about = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert about["postCreateCommand"] == "make tools"
    assert any("docker-in-docker" in feature for feature in about["features"])


def test_the_hooks_before_a_commit_are_local_and_call_make() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    assert [hook["entry"] for hook in repos[0]["hooks"]] == ["make lint"]
