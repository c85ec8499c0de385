"""Judges of an HTTPS site by others: testssl.sh, and the HTTP Observatory of MDN."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import docker
import pytest

from tests.support import base
from tests.support.cached import partial_of
from tests.support.processes import run
from tools.setup import paths

SECONDS = 300
OBSERVATORY = "@mdn/mdn-http-observatory"
OBSERVATORY_VERSION = "1.4.8"
SCRIPT = Path(__file__).with_name("observatory.mjs")
TESTSSL = "testssl-of-tests:1"
# The release of the base image has testssl.sh 3.2, the first with a grade.
DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update -q \\
    && apt-get install -y -q --no-install-recommends testssl.sh \\
    && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["testssl"]
"""
HARMLESS = ("OK", "INFO", "LOW", "WARN")  # WARN is about testssl.sh's own machine


class Judgement(NamedTuple):
    grade: str
    findings: list[str]  # above LOW, but about the certificate, which is the test's


def judge_tls(host: str, address: str, folder: Path) -> Judgement:
    """Let testssl.sh judge the TLS of a host; the folder has its CA as `ca.pem`."""
    engine = docker.from_env()
    try:
        build = folder / "testssl"
        build.mkdir()
        (build / "Dockerfile").write_text(DOCKERFILE)
        arguments = {"BASE_IMAGE": base.python()}
        engine.images.build(path=str(build), buildargs=arguments, tag=TESTSSL, rm=True)
        report = folder / "report.json"
        command = ["docker", "run", "--rm", "--network=host", f"--volume={folder}:/judged", TESTSSL]
        command += ["--ip", address, "--add-ca", "/judged/ca.pem", "--quiet", "--color", "0"]
        said = run(
            [*command, "--warnings", "off", "--jsonfile", "/judged/report.json", host],
            seconds=SECONDS,
        )
    finally:
        engine.images.remove(TESTSSL, force=True)
        engine.close()
    assert report.exists(), said.stdout + said.stderr
    found: list[dict[str, str]] = json.loads(report.read_text())
    (grade,) = (one["finding"] for one in found if one["id"] == "overall_grade")
    assert len(found) > 100
    return Judgement(
        grade,
        [
            f"{one['id']}: {one['severity']} {one['finding']}"
            for one in found
            if one["severity"] not in HARMLESS and not one["id"].startswith("cert")
        ],
    )


def judge_pages(host: str, address: str, ca: Path, *pages: str) -> list[dict[str, Any]]:
    """Let the Observatory judge pages of a host: their status, score, grade and failed tests."""
    command = [str(_node()), "judge.mjs", host, address, *pages]
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(ca)}
    said = run(command, seconds=SECONDS, cwd=_observatory(), env=environment)
    assert said.returncode == 0, said.stderr
    return [json.loads(line) for line in said.stdout.splitlines()]


def _node() -> str:
    found = shutil.which("node")
    if not found or not shutil.which("npm"):
        pytest.skip("no Node.js with npm: apt-get install npm")
    return found


def _observatory() -> Path:
    """Return the folder that has it, which is made once in the cache."""
    folder = paths.cache() / f"observatory-{OBSERVATORY_VERSION}"
    if not folder.exists():
        with partial_of(folder) as partial:
            _install(partial)
    shutil.copy2(SCRIPT, folder / "judge.mjs")
    return folder


def _install(folder: Path) -> None:
    install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = run([*install, f"{OBSERVATORY}@{OBSERVATORY_VERSION}"], seconds=SECONDS, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    # Its own script would load the list of hosts that browsers know to be HTTPS only.
    preload = folder / "node_modules" / OBSERVATORY / "conf" / "hsts-preload.json"
    preload.write_text("{}")
