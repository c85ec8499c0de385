"""The restrictions of containers, as the engine and /proc of every process show them."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from infra.standby import DRAINED
from tests.support.contract import ask
from tests.support.deployment import ROOT, Deployment
from tests.support.polling import wait_until

MODES = ["deployment", "standing"]
SIZES = {"/tmp": "size=16384k", DRAINED: "size=64k"}  # of what can be written
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@pytest.fixture(params=MODES)
def either(request: pytest.FixtureRequest) -> Deployment:
    """A deployment in each mode."""
    one: Deployment = request.getfixturevalue(request.param)
    return one


def running(deployment: Deployment) -> list[Container]:
    return [c for c in deployment.containers() if c.status == "running"]


def read(container: Container, path: str) -> list[str]:
    """The lines of a file as the container has it."""
    _, content = container.exec_run(["cat", path])
    return bytes(content).decode().splitlines()  # type: ignore[arg-type]  # not streamed


def processes(container: Container) -> list[dict[str, str]]:
    """/proc/PID/status of each process of the container."""
    pids = [row[1] for row in container.top()["Processes"]]
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return [dict(line.split(":\t", 1) for line in text.splitlines()) for text in texts]


def test_no_process_has_a_privilege_or_a_way_to_one(either: Deployment) -> None:
    for container in running(either):
        found = processes(container)
        assert found
        for status in found:
            who = f"{container.name}: {status['Name']}"
            assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, who
            assert int(status["CapPrm"], 16) == int(status["CapAmb"], 16) == 0, who
            assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), who
            assert "0" not in status["Uid"].split() + status["Gid"].split(), who


def test_nothing_can_be_written_but_a_small_tmpfs_that_runs_nothing(either: Deployment) -> None:
    for container in running(either):
        rows = map(str.split, read(container, "/proc/mounts"))
        mounts = {row[1]: (row[2], row[3].split(",")) for row in rows}
        own = {"/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup"}
        writable = {p for p, (_, options) in mounts.items() if "rw" in options} - own
        folders = {path for path in writable if not path.startswith("/proc/")}
        assert {"/tmp"} <= folders <= SIZES.keys()
        for path in folders:
            kind, options = mounts[path]
            assert kind == "tmpfs"
            assert {"noexec", "nosuid", "nodev", SIZES[path]} <= set(options)
        for path in ("/written", "/etc/written", "/usr/local/bin/written", "/site/written"):
            code, _ = container.exec_run(["touch", path], user="0")
            assert code == 1, (
                f"{container.name}: {path}"
            )  # touch's exit code; its output can get lost
        assert container.exec_run(["touch", "/tmp/written"])[0] == 0, "it can be written at all"
        assert container.exec_run(["rm", "/tmp/written"])[0] == 0
        script = "printf '#!/bin/bash\\n' > /tmp/run && chmod +x /tmp/run && /tmp/run"
        code, said = container.exec_run(
            ["bash", "-c", f"{script}; code=$?; rm /tmp/run; exit $code"]
        )
        assert code == 126, said  # found, but not executable


def test_what_cis_asks_of_a_container(either: Deployment) -> None:
    """CIS Docker Benchmark 1.6, section 5; the number is the recommendation's."""
    for container in either.containers():
        host: dict[str, Any] = container.attrs["HostConfig"]
        mounts: list[dict[str, Any]] = container.attrs["Mounts"]
        facts = {
            "5.3 and 5.26": host["SecurityOpt"] == ["no-new-privileges:true"],
            "5.4": host["CapDrop"] == ["ALL"] and not host["CapAdd"],
            "5.5": not host["Privileged"],
            "5.6 and 5.32": not [m for m in mounts if m["Type"] == "bind" and m["RW"]],
            "5.10": host["NetworkMode"] != "host",
            "5.11": 0 < host["Memory"] == host["MemorySwap"],
            "5.12": host["CpuShares"] > 0,
            "5.13": host["ReadonlyRootfs"],
            "5.15": host["RestartPolicy"]["MaximumRetryCount"] <= 5,
            "5.16": host["PidMode"] == "",
            "5.17": host["IpcMode"] in ("private", ""),
            "5.18": not host["Devices"],
            "5.20": {m["Propagation"] for m in mounts} <= {"", "rprivate"},
            "5.21": host["UTSMode"] == "",
            "5.25": host["CgroupParent"] == "",
            "5.30": "bridge" not in container.attrs["NetworkSettings"]["Networks"],
            "5.31": host["UsernsMode"] == "",
            "logs are bounded": set(host["LogConfig"]["Config"]) == {"max-size", "max-file"},
        }
        assert [name for name, holds in facts.items() if not holds] == [], container.name


def test_what_cis_asks_of_a_long_running_container(either: Deployment) -> None:
    for container in running(either):
        assert container.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
        assert 0 < container.attrs["HostConfig"]["PidsLimit"] <= 64  # 5.29
        assert container.attrs["State"]["Health"]["Status"] == "healthy"  # 5.27
        assert not [m for m in container.attrs["Mounts"] if m["RW"] and m["Destination"] != DRAINED]
        binds = [m["Source"] for m in container.attrs["Mounts"] if m["Type"] == "bind"]
        assert all(Path(source).is_relative_to(either.project) for source in binds)  # 5.6, 5.32


def test_what_cis_asks_of_an_image(either: Deployment) -> None:
    """Section 4: a user (4.1) and a health check (4.6); and no tag latest (5.28)."""
    for container in either.containers():
        image = either.engine.images.get(container.attrs["Image"])
        assert image.attrs["Config"]["User"] not in ("", "0", "root", "0:0")
        assert image.attrs["Config"]["Healthcheck"]["Test"], container.name
        assert image.tags
        assert not any(tag.endswith(":latest") for tag in image.tags)


def test_host_ports_are_the_configured_ones_on_a_named_address(either: Deployment) -> None:
    services = {} if "mode" in either.config else either.ports
    wanted = {either.config["frontendPort"], *map(str, services.values())}
    seen = {
        (binding["HostIp"], binding["HostPort"])
        for container in running(either)
        for bindings in container.attrs["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    }
    assert seen == {("127.0.0.1", port) for port in wanted}


def whatever_answers(address: str, port: int = 8080, path: str = "/healthz") -> bytes:
    """On a network with a transparent proxy any address answers, though not as the service."""
    try:
        with socket.create_connection((address, port), timeout=3) as one:
            one.sendall(f"GET {path} HTTP/1.0\r\nHost: it\r\n\r\n".encode())
            return b"".join(iter(lambda: one.recv(65536), b""))
    except OSError:
        return b""


def test_in_production_the_host_does_not_reach_a_service_and_a_service_nothing_outside(
    standing: Deployment,
) -> None:
    networks = standing.container("frontend").attrs["NetworkSettings"]["Networks"]
    edge = networks[f"{standing.config['networkName']}-edge"]["IPAddress"]
    assert b'"ok"' in whatever_answers(
        edge, 80, "/api/v1/healthz"
    )  # so this is how a reachable service answers
    for name in ("microservice1", "microservice2"):
        assert b'"ok"' not in whatever_answers(standing.address(name))
        script = "exec 3<>/dev/tcp/1.1.1.1/443"
        code, said = standing.container(name).exec_run(["timeout", "9", "bash", "-c", script])
        assert code != 0
        assert b"No route to host" in said or b"Network is unreachable" in said


def test_the_gateway_reloads_for_a_change_only(either: Deployment) -> None:
    gateway = either.container("frontend")
    before = {row[1] for row in gateway.top()["Processes"]}
    until = time.monotonic() + 2  # the gateway checks three times a second
    wait_until(lambda: time.monotonic() > until, "time passes")
    assert {row[1] for row in gateway.top()["Processes"] if "nginx" in row[-1]} <= before


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 200),
        ("/app.js", "GET", 200),
        ("/api/v1/say_hello", "GET", 200),
        ("/api/v1/nothing", "GET", 404),
        ("/nothing", "GET", 404),
        ("/", "PUT", 405),
        ("/api/v1/say_hello", "TRACE", 405),
    ],
)
def test_every_answer_carries_the_security_headers(
    either: Deployment, path: str, method: str, status: int
) -> None:
    seen, headers, _ = ask(either.url + path, method)
    assert seen == status
    assert {key: headers.get(key) for key in SECURITY_HEADERS} == SECURITY_HEADERS
    assert headers["server"] == "nginx"


def test_a_bad_gateway_carries_them_too(standing: Deployment) -> None:
    replicas = [standing.container("microservice2", number) for number in (1, 2)]
    for replica in replicas:
        replica.stop(timeout=15)
    try:
        status, headers, _ = ask(standing.url + "/api/v2/who_am_i")
    finally:
        for replica in replicas:
            replica.start()
        standing.wait_healthy("microservice2")
    assert status == 502
    assert {key: headers.get(key) for key in SECURITY_HEADERS} == SECURITY_HEADERS


def test_a_bill_of_materials_of_each_image(standing: Deployment, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.supply_chain", "sbom", "--stack", standing.stack]
    subprocess.run([*command, "--folder", str(tmp_path)], cwd=ROOT, check=True)
    bills = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    names = ("frontend", "frontend-nginx", "frontend-site", "router_one", "router_two")
    assert set(bills) == {f"{standing.prefix}{name}.cdx.json" for name in names}
    for name, package in (("frontend", "nginx"), ("router_one", "starlette")):
        bill = bills[f"{standing.prefix}{name}.cdx.json"]
        assert package in {component["name"] for component in bill["components"]}
        assert bill["bomFormat"] == "CycloneDX"
