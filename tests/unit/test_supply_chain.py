"""Advisories with and without a database, linting of nginx's configuration, SBOMs."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cyclonedx.output.json import JsonV1Dot6

from tools.supply_chain import advisories, nginx_lint, sbom

BUG = {"id": "PYSEC-1", "fix_versions": ["1.1"]}


def audited(monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str = "") -> bool:
    done = subprocess.CompletedProcess([], 0, stdout, stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    return advisories.check()


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages})


def test_an_advisory_against_a_locked_version_fails_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not audited(monkeypatch, report({"name": "a", "version": "1.0", "vulns": [BUG]}))
    assert capsys.readouterr().out == "a 1.0: PYSEC-1, fixed in 1.1\n"


def test_no_advisory_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audited(monkeypatch, report({"name": "a", "version": "1.0", "vulns": []}))
    assert capsys.readouterr().out == "advisories: none against 1 packages\n"


@pytest.mark.parametrize(
    ("stdout", "stderr", "reason"),
    [
        (
            "",
            "ERROR: x\nConnectionError: no route\n",
            "can't be reached: ConnectionError: no route",
        ),
        ("", "SSLError: " + 99 * "a long reason ", "SSLError: a long reason a long"),
        (report({"name": "a", "skip_reason": "not found"}), "", "has no advisories"),
    ],
)
def test_without_a_database_it_is_skipped_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdout: str,
    stderr: str,
    reason: str,
) -> None:
    assert audited(monkeypatch, stdout, stderr)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("advisories: skipped, ")
    assert reason in line
    assert len(line) < 200


def test_a_database_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if command[0] == "pip-audit":
            raise subprocess.TimeoutExpired(command, advisories.SECONDS)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert advisories.check()
    assert "did not answer within 300 s" in capsys.readouterr().out


def test_the_linted_configuration_is_whole(tmp_path: Path) -> None:
    nginx_lint.render(tmp_path)
    lines = [
        line.split() for path in tmp_path.rglob("*.conf") for line in path.read_text().splitlines()
    ]
    included = {words[1].rstrip(";") for words in lines if words[:1] == ["include"]}
    own = {name for name in included if not name.startswith("/")}
    assert {"proxy.conf", "generated/locations.conf"} < own
    assert [name for name in own if not list(tmp_path.glob(name))] == []


FILES = {
    sbom.RELEASE: 'ID=debian\nVERSION_ID="13"\n',
    sbom.DPKG: (
        "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"
    ),
    "dependencies/starlette-1.0.dist-info/METADATA": "Name: starlette\nVersion: 1.0\n\nText",
}
IMAGE: Any = SimpleNamespace(
    id="sha256:1",
    tags=["one:v1-0"],
    attrs={"Created": "2026-11-24T07:00:00.1Z", "Config": {"Env": ["PYTHON_VERSION=3.13.5"]}},
)


def test_a_bill_of_an_image_with_a_single_program_is_empty() -> None:
    attrs = {"Created": "2026-11-24T07:00:00.1Z", "Config": {"Env": None}}
    bare: Any = SimpleNamespace(id="sha256:2", tags=["two:v1-0"], attrs=attrs)
    assert not sbom.describe(bare, {}).components


def test_a_bill_names_what_is_installed_and_comes_out_the_same() -> None:
    bill = json.loads(JsonV1Dot6(sbom.describe(IMAGE, FILES)).output_as_string())
    assert {component["purl"] for component in bill["components"]} == {
        "pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-13",
        "pkg:pypi/starlette@1.0",
        "pkg:generic/python@3.13.5",
    }
    assert bill["metadata"]["component"]["name"] == "one:v1-0"
    assert bill == json.loads(JsonV1Dot6(sbom.describe(IMAGE, FILES)).output_as_string())
