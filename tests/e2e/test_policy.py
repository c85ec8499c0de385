"""The policy pack with the real engine: the stack passes, and violations are refused."""

import pytest

from policy.rules import RULES
from tests.support.deployment import Deployment
from tests.support.policy import PACK, refused
from tests.support.polling import wait_until
from tests.support.updates import change

NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "images": [], "volumes": []}
BREAKS_ALL = """
import pulumi_docker as docker

image = docker.RemoteImage("image", name="one", build={"context": "services/microservice1"})
container = docker.Container(
    "container",
    image="one:v1",
    network_mode="host",
    privileged=True,
    publish_all_ports=True,
    capabilities={"adds": ["SYS_ADMIN"]},
    security_opts=["seccomp=unconfined"],
    mounts=[{"type": "bind", "target": "/x", "source": "/var/run/docker.sock"}],
)
service = docker.Service("service", task_spec={"container_spec": {"image": image.image_id}})
"""


def test_the_stack_passes(fresh: Deployment) -> None:
    passed = fresh.operate("preview", PACK)
    assert "✅ microservices@" in passed.stdout
    assert refused(passed.stdout) == set()


def test_every_rule_is_enforced(fresh: Deployment) -> None:
    (fresh.project / "__main__.py").write_text(BREAKS_ALL)
    done = fresh.operate("preview", PACK, check=False)
    assert done.returncode != 0
    assert refused(done.stdout) == {rule.name for rule in RULES}
    assert "Traceback" not in done.stdout + done.stderr


def test_one_line_changed_is_refused_with_nothing_made(fresh: Deployment) -> None:
    change(fresh.project / "infra" / "containers.py", '"read_only": True', '"read_only": False')
    done = fresh.operate("preview", PACK, check=False)
    assert done.returncode != 0
    assert refused(done.stdout) == {"read-only"}
    assert "readOnly: it must be true" in done.stdout
    assert fresh.left() == NOTHING


@pytest.mark.parametrize("service", ["frontend", "microservice1"])
def test_a_fork_bomb_ends_at_its_container(deployment: Deployment, service: str) -> None:
    container = deployment.container(service)
    assert container.attrs["HostConfig"]["PidsLimit"] == 64
    bomb = "exec 2>&1; for i in {1..100}; do sleep 1 & done"
    said = container.exec_run(["bash", "-c", bomb]).output
    assert isinstance(said, bytes)
    assert b"Resource temporarily unavailable" in said
    wait_until(lambda: len(container.top()["Processes"]) < 20, "the bomb is over")
    deployment.wait_healthy(service)
