"""Use the Docker engine that answers; if none does, start or install one."""

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from infra import docker_host
from tools.setup import apt, network, paths, process
from tools.setup.errors import OUTPUT_LINES, Problem
from tools.setup.progress import Progress

INSTALLER = "https://get.docker.com"
PID_FILE = Path("/var/run/docker.pid")
ANSWER_WITHIN = 10.0
START_WITHIN = 60.0


def ensure(show: Progress) -> None:
    with show.step(
        "engine", f"asking for a Docker engine at {docker_host.resolve().address}"
    ) as step:
        version = answers()
        step.says(f"Docker {version} answers" if version else "no Docker engine answers")
    if not version:
        _own_address_must_answer()
        if not shutil.which("dockerd"):
            _install(show)
        _start(show)
    if not shutil.which("docker"):
        with show.step("engine", "installing the docker command"):
            apt.install("docker-cli" if apt.known("docker-cli") else "docker.io")


def answers() -> str | None:
    """Return the version of the engine, or None if none answers."""
    where = docker_host.resolve().address
    if not where.startswith("unix://"):
        return _ask_by_command(where)
    try:
        return _ask_socket(where.removeprefix("unix://"))
    except PermissionError:
        raise Problem(
            "the Docker engine does not let this user in",
            f"{where} may not be opened by {os.environ.get('USER') or os.geteuid()}",
            "sudo usermod -aG docker $USER, then log in again; or run this as root",
        ) from None
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return None


def stop(show: Progress) -> None:
    """Stop the engine, but only if `ensure` started it."""
    record = paths.state() / "dockerd.pid"
    with show.step("engine", "stopping the Docker engine that the setup started") as step:
        if not record.exists() or not _is_dockerd(int(record.read_text())):
            step.says("the setup has started no Docker engine")
        else:
            _terminate(int(record.read_text()))
        record.unlink(missing_ok=True)


def _ask_socket(path: str) -> str:
    connection = http.client.HTTPConnection("localhost", timeout=ANSWER_WITHIN)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(ANSWER_WITHIN)
    try:
        connection.sock.connect(path)
        connection.request("GET", "/version")
        return str(json.loads(connection.getresponse().read())["Version"])
    finally:
        connection.close()


def _ask_by_command(where: str) -> str | None:
    """Ask a remote engine through the docker command, which has the credentials."""
    form = "{{.Server.Version}}"
    try:
        return process.run(
            "docker", "--host", where, "version", "--format", form, limit=ANSWER_WITHIN
        ).strip()
    except process.FailedError:
        return None


def _own_address_must_answer() -> None:
    named = docker_host.resolve()
    if named.address == docker_host.DEFAULT:
        return
    raise Problem(
        "the Docker engine does not answer",
        f"it is named {named.address}",
        "start that engine, or name another (docker:host, DOCKER_HOST, docker context use)",
    )


def _install(show: Progress) -> None:
    remedy = "install Docker (https://docs.docker.com/engine/install) and run it again"
    if sys.platform != "linux":
        raise Problem(
            "no Docker engine answers",
            "Docker is not running",
            f"start Docker Desktop, or {remedy}",
        )
    process.need_root(
        "no Docker engine answers and none is installed", f"{remedy}; or run this as root"
    )
    with show.step("engine", "installing a Docker engine") as step:
        if _by_installer():
            step.says("installed Docker with the official installer")
        else:
            client = ["docker-cli"] if apt.known("docker-cli") else []
            apt.install("docker.io", "iptables", *client)
            step.says("installed Docker from Debian's packages")


def _by_installer() -> bool:
    script = network.fetch(INSTALLER)
    if not script:
        return False
    file = paths.cache() / "install-docker.sh"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(script)
    try:
        process.run("sh", file, limit=600)
    except process.FailedError:
        return False
    return shutil.which("dockerd") is not None


def _start(show: Progress) -> None:
    with show.step("engine", "starting the Docker engine") as step:
        # The package's installation, or somebody else, may be starting it already.
        if not _already_starting():
            process.need_root(
                "the Docker engine is installed but not running",
                "sudo systemctl start docker, then run it again",
            )
            _launch()
        step.says(f"started Docker {_wait_for_answer()}")


def _already_starting() -> bool:
    if answers():
        return True
    try:
        return _is_dockerd(int(PID_FILE.read_text()))
    except (OSError, ValueError):
        return False


def _launch() -> None:
    if Path("/run/systemd/system").exists():
        try:
            process.run("systemctl", "start", "docker", limit=START_WITHIN)
        except process.FailedError as failed:
            raise Problem(
                "the Docker engine did not start", failed.output, "see `journalctl -u docker`"
            ) from None
        return
    paths.state().mkdir(parents=True, exist_ok=True)
    _raise_file_limit()
    with _log().open("wb") as log:
        daemon = subprocess.Popen(
            ["dockerd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    (paths.state() / "dockerd.pid").write_text(str(daemon.pid))


def _raise_file_limit() -> None:
    """Raise our limit of open files, which dockerd inherits: docker-proxy stops without them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _wait_for_answer() -> str:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        if version := answers():
            return version
        time.sleep(0.2)
        if not _already_starting() and _ended():
            break
    tail = (
        _log().read_text(errors="replace").splitlines()[-OUTPUT_LINES:] if _log().exists() else []
    )
    raise Problem(
        "the Docker engine did not start", "\n".join(tail) or "it does not answer", f"see {_log()}"
    )


def _ended() -> bool:
    try:
        pid = int((paths.state() / "dockerd.pid").read_text())
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except (OSError, ValueError):
        return False


def _log() -> Path:
    return paths.state() / "dockerd.log"


def _is_dockerd(pid: int) -> bool:
    try:
        return b"dockerd" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _terminate(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + START_WITHIN
    while _is_dockerd(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
