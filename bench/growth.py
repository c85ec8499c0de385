"""How the time of operations grows with the number of services: Pulumi and Compose."""

import contextlib
import itertools
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.own_copy import Deployment, free_ports
from bench.rows import Row
from infra import health, hosts, nginx, timeouts
from tools.setup import base_images, process
from tools.setup.environment import PARALLEL
from tools.setup.progress import Progress
from tools.setup.versions import NGINX_IMAGE, PYTHON_IMAGE
from topology import Service

# For each operation what one more service may cost: seconds, or a multiple of Compose's.
SECONDS, TIMES = "s", "x"
OPERATIONS = {
    "cold up": (1.2, TIMES),
    "no-op up": (0.03, SECONDS),
    "preview": (0.03, SECONDS),
    "destroy": (1.5, TIMES),
}
PULUMI, COMPOSE = "Pulumi", "Compose"
TEMPLATE = "microservice1"
TABLE = """
SERVICES = tuple(
    Service(
        name=f"service{number}",
        container=f"router_{number}",
        prefix=f"/api/v{number}/",
        port=8080,
        host_port=host_port,
    )
    for number, host_port in enumerate(HOST_PORTS, start=1)
)
"""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The seconds of an operation by number of services, for each tool."""

    what: str
    lines: dict[str, dict[int, float]]

    def cost_of_one_more(self, tool: str) -> float:
        line = self.lines[tool]
        first, last = min(line), max(line)
        return (line[last] - line[first]) / (last - first)

    def bend(self, tool: str) -> float:
        """Return the cost of one service in the last step relative to that in the one before."""
        counts = sorted(self.lines[tool])
        steps = [
            (self.lines[tool][b] - self.lines[tool][a]) / (b - a)
            for a, b in itertools.pairwise(counts)
        ]
        return steps[-1] / steps[-2] if len(steps) > 1 and steps[-2] > 0 else 1.0


@contextlib.contextmanager
def project_of(count: int) -> Iterator[Deployment]:
    """Copy the project with `count` generated services, without deploying it."""
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder))
        network = deployment.config["subnet"].rpartition(".")[0].rpartition(".")[0]
        deployment.config["subnet"] = f"{network}.0.0/22"
        del deployment.config["services"]  # of the replaced rows
        own = deployment.config["frontendPort"]
        _generate(deployment.project, [p for p in free_ports(count + 1) if p != own][:count])
        try:
            yield deployment
        finally:
            deployment.remove()


def _generate(project: Path, host_ports: list[int]) -> None:
    table = project / "topology.py"
    head = table.read_text().partition("\nSERVICES: ")[0]
    table.write_text(f"{head}\nHOST_PORTS = {host_ports}\n{TABLE}")
    template = project / "services" / TEMPLATE
    for number in range(1, len(host_ports) + 1):
        folder = template.with_name(f"service{number}")
        shutil.copytree(template, folder)
        app = (folder / "app.py").read_text().replace(TEMPLATE, folder.name)
        (folder / "app.py").write_text(app)


def by_pulumi(deployment: Deployment) -> dict[str, float]:
    return timed(
        {
            "cold up": deployment.up,
            "no-op up": deployment.up,
            "preview": deployment.preview,
            "destroy": deployment.destroy,
        }
    )


def by_compose(deployment: Deployment, command: list[str], count: int) -> dict[str, float]:
    with composed(deployment, command, count) as compose:
        return timed(
            {
                "cold up": lambda: compose("up", "--detach", "--build", "--wait"),
                "no-op up": lambda: compose("up", "--detach", "--wait"),
                "preview": lambda: compose("--dry-run", "up", "--detach"),
                "destroy": lambda: compose("down", "--rmi", "local"),
            }
        )


@contextlib.contextmanager
def composed(
    deployment: Deployment, command: list[str], count: int
) -> Iterator[Callable[..., None]]:
    """Yield a function that runs Compose with a file of the same containers."""
    file = deployment.project / "compose.yaml"
    file.write_text(yaml.safe_dump(_compose_file(deployment, count)))
    name = f"bench-{uuid.uuid4().hex[:8]}"

    def compose(*arguments: str) -> None:
        process.run(
            *(*command, "--file", str(file), "--project-name", name, *arguments),
            # With a hundred services and no limit, the engine loses builds.
            environment={"COMPOSE_PARALLEL_LIMIT": str(PARALLEL)},
        )

    try:
        yield compose
    finally:
        compose("down", "--rmi", "local")


def timed(operations: dict[str, Callable[[], object]]) -> dict[str, float]:
    seconds = {}
    for name, operate in operations.items():
        began = time.monotonic()
        operate()
        seconds[name] = time.monotonic() - began
    return seconds


def _compose_file(deployment: Deployment, count: int) -> dict[str, object]:
    """Return a Compose file with the same containers, without the labels that Pulumi needs."""
    services = [
        Service(
            name=f"service{number}",
            container=f"router_{number}",
            prefix=f"/api/v{number}/",
            port=8080,
            host_port=0,
        )
        for number in range(1, count + 1)
    ]
    interval = health.interval(count + 1, is_watched=False)
    replicas = {one: (one.container,) for one in services}
    python = base_images.on_engine(PYTHON_IMAGE)
    gateway = {
        "build": {
            "context": ".",
            "dockerfile": "nginx/Dockerfile",
            "target": "configured",
            "args": {
                "BASE_IMAGE": base_images.on_engine(NGINX_IMAGE),
                "UPSTREAMS": _literal(nginx.render(replicas)),
                "HOSTS": _literal(hosts.render(replicas)),
                "LOCATIONS": _literal(hosts.render_locations(replicas)),
            },
        },
        "ports": ["127.0.0.1::80"],
        "volumes": ["./frontend:/frontend:ro", "./nginx:/gateway:ro"],
        **_container(80, "/gateway-health", interval),
    }
    return {
        "services": {
            "frontend": gateway,
            **{
                one.name: {
                    "build": {
                        "context": "services",
                        "args": {"BASE_IMAGE": python, "SERVICE": one.name},
                    },
                    "ports": ["127.0.0.1::8080"],
                    "volumes": [f"./services/{one.name}:/app:ro"],
                    "networks": {"default": {"aliases": [one.container]}},
                    **_container(8080, "/healthz", interval),
                }
                for one in services
            },
        },
        "networks": {"default": {"ipam": {"config": [{"subnet": deployment.config["subnet"]}]}}},
    }


def _literal(text: str) -> str:
    return text.replace("$", "$$")  # Compose replaces $NAME


def _container(port: int, path: str, interval: str) -> dict[str, object]:
    script = (
        f"exec 3<>/dev/tcp/127.0.0.1/{port}"
        f" && printf 'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3"
        ' && IFS= read -r line <&3 && [[ $$line == *" 200 "* ]]'
    )
    return {
        "healthcheck": {
            "test": ["CMD", "bash", "-c", script],
            "interval": interval,
            "timeout": "2s",
            "retries": 3,
        },
        "restart": "always",
        "read_only": True,
        "tmpfs": "/tmp:rw,noexec,nosuid,nodev,size=16m,mode=1777",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": "128m",
        "stop_grace_period": f"{timeouts.stop(Service.timeout)}s",
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
    }


def measure(
    counts: tuple[int, ...], command: list[str], why_not: str, show: Progress
) -> tuple[list[Row], list[Growth]]:
    if not command:
        return [Row(what="growth", paired_with="Compose", skipped=why_not)], []
    seconds: dict[str, dict[int, dict[str, float]]] = {PULUMI: {}, COMPOSE: {}}
    for count in counts:
        with project_of(count) as deployment:
            deployment.forget_layers()
            with show.step("growth", f"{count} services by Pulumi"):
                seconds[PULUMI][count] = by_pulumi(deployment)
            deployment.forget_layers()
            with show.step("growth", f"{count} services by Compose"):
                seconds[COMPOSE][count] = by_compose(deployment, command, count)
    growths = [
        Growth(
            what=operation,
            lines={
                tool: {count: found[operation] for count, found in line.items()}
                for tool, line in seconds.items()
            },
        )
        for operation in OPERATIONS
    ]
    return [row for growth in growths for row in _rows(growth, counts)], growths


def _rows(growth: Growth, counts: tuple[int, ...]) -> list[Row]:
    mine, other = (growth.cost_of_one_more(tool) for tool in (PULUMI, COMPOSE))
    at = ", ".join(map(str, counts))
    most, unit = OPERATIONS[growth.what]
    is_paired = unit == TIMES
    return [
        Row(
            what=f"one more service, {growth.what} ({at} services)",
            paired_with=COMPOSE if is_paired else "",
            values=(mine / other if is_paired else mine,),
            unit=unit,
            at_most=most,
            detail=f"{mine:.2f} and {other:.2f} s",
        ),
        Row(
            what=f"straight line, {growth.what}: last step over the one before",
            paired_with="",
            values=(growth.bend(PULUMI),),
            at_most=1.2,
        ),
    ]
