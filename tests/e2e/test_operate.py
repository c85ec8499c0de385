"""The developer's commands against a real deployment."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.contract import ask
from tests.support.deployment import NOT_COPIED, ROOT, Deployment
from tests.support.polling import wait_until
from tests.support.processes import free_ports, run, running
from topology import SERVICES


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tools.operate", *arguments]


def workbench(
    *arguments: str, folder: Path = ROOT, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, input=typed, capture_output=True, text=True, check=False
    )


def test_status_is_a_table_and_an_exit_code(deployment: Deployment) -> None:
    good = workbench("--stack", deployment.stack, "status")
    assert (good.returncode, good.stderr) == (0, "")
    heading, *rows = good.stdout.splitlines()
    assert heading.split()[:3] == ["container", "image", "health"]
    assert len(rows) == 1 + len(SERVICES)
    assert all(" healthy " in row and " MiB " in row for row in rows)
    assert rows[0].endswith(deployment.url)


def test_status_fails_while_one_is_down(deployment: Deployment) -> None:
    deployment.stop("microservice2")
    try:
        bad = workbench("--stack", deployment.stack, "status")
    finally:
        deployment.start("microservice2")
    assert bad.returncode == 1
    assert " exited " in next(row for row in bad.stdout.splitlines() if "router_two" in row)


def test_a_stack_that_is_not_there(deployment: Deployment) -> None:
    for verb in ("status", "logs"):
        none = workbench("--stack", f"{deployment.stack}-not", verb)
        assert (none.returncode, none.stdout) == (1, "")
        assert "has no containers\ndo:    `make up` deploys it" in none.stderr


def test_logs_follow_through_a_restart(deployment: Deployment, tmp_path: Path) -> None:
    log = tmp_path / "log"
    logs = command("--stack", deployment.stack, "logs")
    with log.open("w") as output, running(logs, cwd=ROOT, stdout=output) as process:
        for path in ("before", "after"):
            expected = f'"path": "/{path}"'
            ask(f"{deployment.url}/api/v1/{path}")
            wait_until(lambda: expected in log.read_text(), path)  # noqa: B023  called at once
            deployment.container("microservice1").restart(timeout=15)
            deployment.wait_healthy("microservice1")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 130
    (line,) = [line for line in log.read_text().splitlines() if '"path": "/after"' in line]
    assert line.startswith(f"{deployment.prefix}router_one | {{")


def test_logs_of_one_service_since_a_moment(deployment: Deployment, tmp_path: Path) -> None:
    log = tmp_path / "log"
    logs = command(
        "--stack", deployment.stack, "logs", "--service", "microservice2", "--since", "1h"
    )
    with log.open("w") as output, running(logs, cwd=ROOT, stdout=output):
        for path in ("/api/v1/first", "/api/v2/second"):
            ask(deployment.url + path)
        wait_until(lambda: '"path": "/second"' in log.read_text(), "the second's line")
        deployment.container("microservice2").restart(timeout=15)
        deployment.wait_healthy("microservice2")
        deployment.container("microservice1").restart(timeout=15)
        deployment.wait_healthy("microservice1")
        for path in ("/api/v1/first", "/api/v2/third"):
            ask(deployment.url + path)
        wait_until(lambda: '"path": "/third"' in log.read_text(), "the third's line")
    lines = log.read_text().splitlines()
    assert {line.partition(" ")[0] for line in lines} == {f"{deployment.prefix}router_two"}
    wrong = workbench("--stack", deployment.stack, "logs", "--since", "yesterday")
    assert (wrong.returncode, "SINCE='yesterday' is no time" in wrong.stderr) == (1, True)


def test_a_shell_is_inside_the_service(deployment: Deployment) -> None:
    inside = workbench(
        "--stack", deployment.stack, "shell", "microservice2", typed="hostname; id -u"
    )
    assert inside.stdout.split() == ["router_two", "10001"]
    second = workbench("--stack", deployment.stack, "shell", "microservice2", "--number", "2")
    assert "N=2: microservice2 has 1 containers" in second.stderr
    unknown = workbench("--stack", deployment.stack, "shell", "nothing")
    assert unknown.returncode == 1
    assert "S='nothing' is not a running service" in unknown.stderr
    assert "microservice1" in unknown.stderr


def test_a_command_runs_in_a_container_like_the_service_s(deployment: Deployment) -> None:
    run_in = ("--stack", deployment.stack, "run", "microservice2")
    seen = workbench(*run_in, "sh -c 'echo $PORT; id -u; ls /app/app.py; getent hosts router_one'")
    assert (seen.returncode, seen.stderr) == (0, "")
    port, user, source, other = seen.stdout.splitlines()
    assert (port, user, source) == ("8080", "10001", "/app/app.py")
    assert "router_one" in other
    assert workbench(*run_in, "touch /app/new").returncode == 1
    assert workbench(*run_in, "python3 -c 'exit(7)'").returncode == 7
    assert workbench(*run_in, "cat", typed="typed").stdout == "typed"
    for wrong, said in (("", "CMD is empty"), ("sh -c 'x", 'CMD="sh -c \'x" cannot be read')):
        refused = workbench(*run_in, wrong)
        assert (refused.returncode, said in refused.stderr) == (1, True)
    assert not [c for c in deployment.engine.containers.list(all=True) if "_run_" in str(c.name)]


def test_open_says_the_address(deployment: Deployment) -> None:
    opened = workbench("--stack", deployment.stack, "open")
    assert (opened.returncode, opened.stdout.splitlines()[0]) == (0, deployment.url)


def test_a_new_service_is_served_after_up(fresh: Deployment) -> None:
    shutil.copytree(ROOT, fresh.project, ignore=NOT_COPIED, dirs_exist_ok=True)
    added = workbench("new-service", "greeter", "/api/v9/", folder=fresh.project)
    assert (added.returncode, added.stderr) == (0, "")
    ruff = [sys.executable, "-m", "ruff", "format", "--check", "."]
    assert run(ruff, seconds=60, cwd=fresh.project).returncode == 0
    (port,) = free_ports(1)
    fresh.set_service("greeter", hostPort=port)
    fresh.up()
    answer = b'{"Code":2000,"Message":"I am greeter!"}'
    assert ask(f"{fresh.url}/api/v9/greeter")[2] == answer
    assert ask(f"http://127.0.0.1:{port}/greeter")[2] == answer
    rows = json.loads(ask(f"{fresh.url}/topology.json")[2])["services"]
    assert [row["name"] for row in rows] == [*(s.name for s in SERVICES), "greeter"]
