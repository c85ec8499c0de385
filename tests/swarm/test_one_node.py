"""A swarm with a single node: needs no registry, refuses invalid settings. Run in this order."""

import ssl

import pytest

from tests.support import base
from tests.support.certificates import Authority, config
from tests.support.contract import HELLO, INTRODUCED, ONLY_GET, WHO, ask
from tests.support.full_row import FIRST, SECOND, VOLUME, Seen, facts, hashed, write_service
from tests.support.polling import wait_until
from tests.support.priced import costs, up
from tests.support.rig import REGISTRY
from tests.support.swarm_deployment import PORT, Swarm, assert_nothing_lost, lost, record
from tests.support.visitor import Visitor
from tools.price.effects import Effect
from tools.recover import leftovers
from tools.recover.state import EMPTY

pytestmark = pytest.mark.xdist_group("rig")


def refused(swarm: Swarm, verb: str = "up", **config: object) -> str:
    """What Pulumi says when it refuses this configuration; it must have changed nothing."""
    before = dict(swarm.config)
    images = set(swarm.deployment.left()["images"])
    swarm.config |= config
    done = swarm.deployment.operate(verb, check=False)
    swarm.deployment.config.clear()
    swarm.deployment.config |= before
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said
    assert set(swarm.deployment.left()["images"]) == images
    return said


def test_an_engine_in_no_swarm(alone: Swarm) -> None:
    assert "mode: 'swarm' needs a manager, and this engine is in no swarm; run" in refused(alone)
    alone.form()


def test_no_engine(alone: Swarm) -> None:
    alone.deployment.environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    try:
        assert "docker:host: no manager of a swarm answers" in refused(alone, "preview")
    finally:
        alone.manage(alone.nodes[0])


@pytest.mark.parametrize(
    ("registry", "reason"),
    [
        (f"http://{REGISTRY.partition(':')[0]}:5999/team", "does not answer"),
        (f"{REGISTRY}/team", "does not answer"),  # the registry has no TLS
    ],
)
def test_a_registry_that_is_not_one(alone: Swarm, registry: str, reason: str) -> None:
    said = refused(alone, registry=registry)
    assert f"registry: '{registry}' cannot be used" in said
    assert reason in said


def test_a_placement_that_no_node_meets(alone: Swarm) -> None:
    wanted = {"microservice2": {"placement": ["node.labels.disk==ssd"]}}
    said = refused(alone, services=wanted)
    assert "placement: 'node.labels.disk==ssd' of microservice2 is met by none of the 1" in said


def test_a_port_that_a_node_has_given_away(alone: Swarm) -> None:
    (node,) = alone.nodes
    command = ["python3", "-m", "http.server", "8000"]
    other = node.engine.containers.run(base.python(), command, ports={"8000": PORT}, detach=True)
    try:
        wait_until(lambda: b"GET" in other.logs() or asked(node.address), "it answers")
        assert f"frontendPort: port {PORT} is taken on node {node.address}" in refused(alone)
    finally:
        other.remove(force=True)


def asked(address: str) -> bool:
    try:
        return ask(f"http://{address}:{PORT}/")[0] == 200
    except OSError:
        return False


def test_it_answers_by_the_contract_and_nothing_changes_by_itself(alone: Swarm) -> None:
    alone.deployment.up()
    url = f"http://{alone.nodes[0].address}:{PORT}"
    assert ask(f"{url}/api/v1/say_hello")[2] == HELLO
    assert ask(f"{url}/api/v1/say_hello", "POST")[2] == ONLY_GET
    assert ask(f"{url}/api/v2/who_am_i")[2] == WHO
    assert ask(f"{url}/api/v1/introduce")[2] == INTRODUCED
    alone.deployment.operate("preview", "--expect-no-changes")
    alone.deployment.operate("preview", "--refresh", "--expect-no-changes")


def test_https_with_a_certificate_from_files_and_the_next_one(alone: Swarm) -> None:
    (node,) = alone.nodes
    authority, one = Authority(), alone.deployment
    before = dict(alone.config)
    for _ in ("first", "next"):
        issued = authority.issue()
        alone.config |= {"httpsPort": "8443", **config(issued)}
        one.set_secret_key("tlsKey", issued.key)
        one.up()
        with Visitor(8443, authority.root, address=node.address) as visitor:
            shown = ssl.DER_cert_to_PEM_cert(visitor.certificate())
            assert shown.split() == issued.certificate.split()
            assert visitor.get("/api/v1/say_hello").content == HELLO
    alone.config.clear()
    alone.config |= before
    one.up()
    assert ask(f"http://{node.address}:{PORT}/api/v1/say_hello")[2] == HELLO


def test_a_recovery_leaves_the_swarms_containers_alone(alone: Swarm) -> None:
    found = leftovers.find(alone.deployment.engine, "microservices", alone.deployment.stack, EMPTY)
    assert [stray for stray in found if stray.kind == "container"] == []


def test_a_rolling_update(alone: Swarm) -> None:
    before = {replica.id for replica in alone.replicas("router_one")}
    alone.change("microservice1")
    with alone.load() as reports:
        found = up(alone.deployment)
    record("rolling update on one node", reports)
    assert costs(found) == {("microservice1", Effect.DRAINED, None)}
    assert_nothing_lost(reports)

    def replaced() -> bool:
        return not before & {replica.id for replica in alone.replicas("router_one")}

    wait_until(replaced, "those of before have served their last requests")


def test_a_replica_dies(alone: Swarm) -> None:
    wait_until(lambda: len(alone.replicas("router_one")) == 2, "those of before have ended")
    with alone.load() as reports:
        dead = alone.kill_a_replica("router_one")

        def made_again() -> bool:
            living = [replica.id for replica in alone.replicas("router_one")]
            return len(living) == 2 and dead not in living

        wait_until(made_again, "it is made again")
    record("a replica dies, on one node", reports)
    assert [loss for loss in lost(reports) if loss.startswith("GET")] == []


def test_a_network_with_tasks_on_it_does_not_change(alone: Swarm) -> None:
    assert "`make destroy` before a change" in refused(alone, encryptNetwork="true")
    assert alone.tasks("router_one") == [alone.nodes[0].name] * 2


def test_a_row_gives_a_service_what_it_needs(alone: Swarm) -> None:
    one, url = alone.deployment, f"http://{alone.nodes[0].address}:{PORT}"
    write_service(one, VOLUME)
    one.set_secret("microservice1", "TOKEN", FIRST)
    one.up()
    assert facts(url, "POST") == Seen("green1", hashed(FIRST), "a line")
    one.operate("preview", "--refresh", "--expect-no-changes")
    one.set_secret("microservice1", "TOKEN", SECOND)
    one.up()
    assert facts(url) == Seen("green1", hashed(SECOND), "a line")
    assert len(alone.nodes[0].engine.secrets.list()) == 1
    state = one.pulumi("stack", "export", "--stack", one.stack).stdout
    assert not [secret for secret in (FIRST, SECOND) if secret in state]


def test_destroy_leaves_nothing(alone: Swarm) -> None:
    alone.destroy()
    (node,) = alone.nodes
    wait_until(lambda: not node.engine.containers.list(all=True), "no containers", 30)
    assert alone.deployment.left() == {
        "containers": [],
        "networks": [],
        "images": [],
        "volumes": [],
    }
    assert node.engine.services.list() == []
    assert node.engine.secrets.list() == []
    (volume,) = node.engine.volumes.list()
    assert str(volume.name).endswith("microservice1-files"), "a service's data is kept"
