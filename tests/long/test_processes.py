"""No process of an update outlives its Pulumi engine, and no hook blocks an update."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import pulumi_processes
from tests.support.deployment import ROOT, Deployment
from tests.support.polling import wait_until
from tests.support.processes import running
from tests.support.updates import change

# The program and the policy pack check constantly whether their engine is alive. The language host
# and the plugin check every second if built by this project, every five minutes if released.
OWN_SECONDS, RELEASED_SECONDS = 60, 360
ALL = {"engine", "language host", "program", "policy pack", "plugin"}


def gone_within() -> float:
    pulumi = Path(shutil.which("pulumi") or "").resolve()
    is_own = pulumi.with_name(".pulumi-language-python.sources").exists()
    return OWN_SECONDS if is_own else RELEASED_SECONDS


def processes(deployment: Deployment) -> set[str]:
    return set(pulumi_processes.of(deployment).values())


def wait_until_gone(deployment: Deployment, *kinds: str, seconds: float = OWN_SECONDS) -> None:
    wait_until(lambda: not processes(deployment) & {*kinds}, f"{kinds} ended", seconds)


@contextmanager
def waiting_update(deployment: Deployment, seconds: int) -> Iterator[subprocess.Popen[bytes]]:
    """An update that waits for so long for a container that does not become healthy."""
    deployment.config["waitTimeout"] = str(seconds)
    app = deployment.project / "services" / "microservice1" / "app.py"
    app.write_text(f"import time\ntime.sleep(3600)\n{app.read_text()}")
    command = ["pulumi", "up", "--skip-preview", *deployment.configured(), "--yes"]
    with running(
        [*command, "--policy-pack", str(ROOT / "policy"), "--non-interactive"],
        cwd=deployment.project,
        env=deployment.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as update:
        name = f"{deployment.prefix}router_one"
        wait_until(lambda: name in {str(c.name) for c in deployment.containers()}, name, 240)
        assert processes(deployment) == ALL
        yield update


def test_a_killed_engine_leaves_no_process(fresh: Deployment) -> None:
    with waiting_update(fresh, 600) as update:
        update.kill()
        wait_until_gone(fresh, "program", "policy pack")
        wait_until_gone(fresh, *ALL, seconds=gone_within())


def test_a_killed_language_host_takes_its_program_along(fresh: Deployment) -> None:
    with waiting_update(fresh, 60) as update:
        for pid, kind in pulumi_processes.of(fresh).items():
            if kind == "language host":
                os.kill(pid, signal.SIGKILL)
        if gone_within() == OWN_SECONDS:
            wait_until_gone(fresh, "program", "policy pack", seconds=30)
        assert update.wait(timeout=240) != 0
        wait_until_gone(fresh, *ALL, seconds=gone_within())


def test_a_hook_that_blocks_ends_by_its_limit_and_is_named(fresh: Deployment) -> None:
    change(fresh.project / "infra" / "hooks.py", "SECONDS = 120", "SECONDS = 3")
    blocked = '    __import__("time").sleep(3600)\n    own = '
    change(fresh.project / "infra" / "process_limit.py", "    own = ", blocked)
    failed = fresh.up(check=False)
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert "the hook pids-limit of microservice1 did not end within 3 s" in said
    wait_until_gone(fresh, *ALL, seconds=gone_within())


NEVER = """
import asyncio


async def never() -> None:
    await asyncio.get_running_loop().create_future()

pulumi.runtime.stack._shutdown_callbacks = never
"""


def test_a_program_that_hangs_at_its_end_does_not_hang_its_update(fresh: Deployment) -> None:
    """The engine waits for the end of a program without a limit."""
    change(fresh.project / "__main__.py", "\n\ndef deploy", f"{NEVER}\n\ndef deploy")
    ended = fresh.up(check=False)  # has a time-out: a hang fails the test
    assert ended.returncode != 0
    assert "the Pulumi engine is done, and this program is not" in ended.stdout + ended.stderr
    wait_until_gone(fresh, *ALL, seconds=gone_within())
