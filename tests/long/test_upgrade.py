"""This version takes over a stack that an older version has deployed."""

import shutil
import subprocess

import pytest

from tests.support import base
from tests.support.contract import HELLO, WHO, ask
from tests.support.deployment import ROOT, Deployment
from tests.support.load import load
from tests.support.updates import explained, ids, mixed, page, replaced

BEFORE = "a4b79160fc4dac8c239be9727d3f60142d45a5c0"
GAP_SECONDS = 15  # on a busy machine; 2 on a quiet one
MODES = {"development": "1", "production": "2"}


def has_history() -> bool:
    command = ["git", "cat-file", "-e", f"{BEFORE}^{{commit}}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def lay_out(one: Deployment, commit: str) -> None:
    """Put the files of the commit in the place of today's, with a .venv of their own lock file."""
    (one.project / ".venv").unlink()  # which the tests run in; Pulumi makes another
    for path in one.project.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "--extract"], cwd=one.project, input=archive, check=True)


@pytest.mark.skipif(not has_history(), reason="this clone has no history: git fetch --unshallow")
@pytest.mark.parametrize("mode", MODES)
def test_what_an_older_version_deployed_is_taken_over(fresh: Deployment, mode: str) -> None:
    fresh.config["mode"] = mode
    if mode == "production":
        fresh.config["replicas"] = MODES[mode]
    fresh.config |= {"pythonImage": base.python(), "nginxImage": base.nginx()}
    today = dict(fresh.config)
    lay_out(fresh, BEFORE)
    ports = {f"{name}Port": str(port) for name, port in fresh.ports.items()}
    del fresh.config["services"]
    fresh.config |= ports
    fresh.up()
    before, old_page = ids(fresh), page(fresh)
    then = dict(fresh.config)
    shutil.rmtree(fresh.project / ".venv")
    fresh.restore()
    fresh.config.clear()
    fresh.config |= then
    refused = fresh.up("--refresh", check=False)
    assert refused.returncode != 0
    for name, port in fresh.ports.items():
        assert f"pulumi config set --path services.{name}.hostPort {port}" in refused.stdout
    fresh.config.clear()
    fresh.config |= today
    with load(fresh.url, mixed(fresh, old_page), rate=100) as report:
        fresh.up("--refresh")
    after = ids(fresh)
    added = {"frontend-nginx"} if mode == "production" else set()
    assert after.keys() - before.keys() == added
    assert before.keys() <= after.keys()
    assert replaced(before, after)
    if mode == "production":
        assert report.sent > 500
        # While the container with the port is replaced, nobody answers.
        lost = report.lost_at or [0.0]
        assert max(lost) - min(lost) < GAP_SECONDS, explained(fresh, report)
    assert ask(f"{fresh.url}/api/v1/say_hello")[2] == HELLO
    assert ask(f"{fresh.url}/api/v2/who_am_i")[2] == WHO
    fresh.operate("preview", "--refresh", "--expect-no-changes")
    fresh.destroy()
    assert not any(fresh.left().values())
