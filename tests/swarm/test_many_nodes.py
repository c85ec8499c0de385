"""Requests lost on three nodes when the deployment or a node changes. Run in this order."""

import re
import sys

import pytest

from tests.support.contract import ONLY_GET, ask
from tests.support.polling import wait_until
from tests.support.priced import costs, up
from tests.support.swarm_deployment import PORT, RATE, Swarm, assert_nothing_lost, record
from tools.price.effects import GAP_SECONDS, Effect

pytestmark = pytest.mark.xdist_group("rig")

PATH = "/api/v1/say_hello"
# From a gateway that has just started, until the first DNS answer.
WITHOUT_ADDRESSES = ': 502 b\'{"Code":5020,'


def test_tasks_are_spread_and_every_gateway_reaches_every_replica(swarm: Swarm) -> None:
    names = [node.name for node in swarm.nodes]
    assert swarm.tasks("frontend") == names
    for service in ("router_one", "router_two"):
        assert len(set(swarm.tasks(service))) == 2
    for node in swarm.nodes:
        for n in range(10):
            status, _, _ = ask(f"http://{node.address}:{PORT}/api/v1/from-{node.name}-{n}")
            assert status == 404
    containers = [c for node in swarm.nodes for c in node.engine.containers.list()]
    replicas = [c for c in containers if f"{swarm.name('router_one')}." in str(c.name)]
    assert len(replicas) == 2

    def heard_from() -> list[set[str]]:
        logs = [replica.logs(tail=60).decode() for replica in replicas]
        return [{name for name in names if f"from-{name}-" in log} for log in logs]

    wait_until(lambda: heard_from() == [set(names)] * 2, "each has answered for each gateway")


def test_nothing_changes_by_itself(swarm: Swarm) -> None:
    swarm.deployment.operate("preview", "--expect-no-changes")
    swarm.deployment.operate("preview", "--refresh", "--expect-no-changes")


def test_more_replicas_and_fewer(swarm: Swarm) -> None:
    for replicas in (6, 2):
        swarm.scale(replicas)
        with swarm.load() as reports:
            swarm.deployment.up()
            wait_until(lambda: len(swarm.tasks("router_one")) == replicas, "it is scaled")  # noqa: B023
        record(f"scale to {replicas}", reports)
        assert_nothing_lost(reports)


def test_a_rolling_update(swarm: Swarm) -> None:
    services = ("router_one", "router_two")
    before = {str(c.id) for service in services for c in swarm.replicas(service)}
    for service in ("microservice1", "microservice2"):
        swarm.change(service)
    with swarm.load() as reports:
        swarm.deployment.up()
    record("rolling update of both services", reports)
    assert_nothing_lost(reports)

    def replaced() -> bool:
        after = {str(c.id) for service in services for c in swarm.replicas(service)}
        return bool(after) and not before & after

    wait_until(replaced, "those of before have served their last requests")


def test_a_bad_version_is_rolled_back_and_the_next_good_one_goes_out(swarm: Swarm) -> None:
    app = swarm.deployment.project / "services" / "microservice1" / "app.py"
    good = app.read_text()
    app.write_text("raise SystemExit('cannot go on: no coffee')\n")
    with swarm.load() as reports:
        failed = swarm.deployment.up(check=False)
    record("bad version, rolled back", reports)
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert "rollback completed" in said
    assert "cannot go on: no coffee" in said
    assert_nothing_lost(reports)
    app.write_text(good + "# mended\n")
    swarm.deployment.up()
    swarm.deployment.operate("preview", "--expect-no-changes")


def test_a_changed_page_goes_out_node_by_node(swarm: Swarm) -> None:
    page = swarm.deployment.project / "frontend" / "index.html"
    page.write_text(page.read_text().replace("</body>", "<!-- new --></body>"))
    with swarm.load() as reports:
        found = up(swarm.deployment)
    record("changed page (gateways)", reports)
    assert costs(found) == {("frontend", Effect.GAP, GAP_SECONDS)}
    for node in swarm.nodes:
        assert ask(f"http://{node.address}:{PORT}/")[2] == page.read_bytes()
    for report in reports.values():
        assert report.sent > 5 * RATE
        answered = [loss for loss in report.losses if re.search(r": \d{3} ", loss)]
        assert all(WITHOUT_ADDRESSES in loss for loss in answered), answered
        assert len(answered) <= 2, answered
        assert report.lost < report.sent / 10, report.summary()
        assert report.longest_gap < 5, report.summary()


def test_a_misdirected_request_is_sent_again(swarm: Swarm) -> None:
    """A stranger under the service's name: whoever meets it is answered by the right one."""
    with swarm.stranger("router_two", alias="router_one") as logs:

        def refused() -> bool:
            url = f"http://{swarm.nodes[0].address}:{PORT}{PATH}"
            answers = [ask(url, "POST") for _ in range(6)]
            assert {(status, body) for status, _, body in answers} == {(200, ONLY_GET)}
            return b'"status": 421' in logs()

        wait_until(refused, "the stranger refused one")


def test_a_drained_node(swarm: Swarm) -> None:
    drained = swarm.nodes[2]
    with swarm.load() as reports:
        swarm.set(drained, Availability="drain")
        wait_until(lambda: drained.name not in swarm.tasks("router_one"), "it is drained")
        wait_until(lambda: len(swarm.tasks("router_one")) == 2, "its tasks run elsewhere")
        wait_until(lambda: not drained.engine.containers.list(), "it has no containers")
    record("a node drained", reports, gone=drained.name)
    swarm.deployment.up()  # which removes a gateway
    swarm.set(drained, Availability="active")
    swarm.deployment.up()
    assert swarm.tasks("frontend") == [node.name for node in swarm.nodes]
    assert_nothing_lost(reports, gone=drained.name)


def test_a_worker_dies(swarm: Swarm) -> None:
    worker = swarm.nodes[1]
    swarm.scale(6)
    swarm.deployment.up()
    assert worker.name in swarm.tasks("router_one")
    with swarm.load() as reports:
        worker.crash()
        wait_until(lambda: swarm.tasks("router_one").count(worker.name) == 0, "it is noticed")
        wait_until(lambda: len(swarm.tasks("router_one")) == 6, "its tasks run elsewhere")
    record("a worker dies", reports, gone=worker.name)
    worker.boot()
    swarm.wait_ready()
    assert_nothing_lost(reports, gone=worker.name)


def is_up(swarm: Swarm) -> bool:
    done = swarm.deployment.up(check=False)
    sys.stdout.write(done.stdout if done.returncode else "")  # shown if the test fails
    return done.returncode == 0


def test_the_leading_manager_dies(swarm: Swarm) -> None:
    first, second, third = swarm.nodes
    for node in (second, third):
        swarm.set(node, Role="manager")
        wait_until(lambda: node.engine.info()["Swarm"]["ControlAvailable"], "it manages")  # noqa: B023
    swarm.manage(second)
    with swarm.load() as reports:
        first.crash()
        wait_until(lambda: swarm.leader(second) not in ("", first.name), "another leads")
        swarm.scale(4)
        # A new leader may lose its election again, in which case `make up` fails and is repeated.
        wait_until(lambda: is_up(swarm), "up", 120)
        wait_until(lambda: len(swarm.tasks("router_one", second)) == 4, "it is scaled by another")
    record("the leading manager dies, scale to 4", reports, gone=first.name)
    first.boot()
    wait_until(lambda: first.engine.info()["Swarm"]["ControlAvailable"], "it is back")
    swarm.manage(first)
    swarm.wait_ready()
    # Requests to it are lost with it, and DNS returns old addresses for some seconds.
    stayed = [report for name, report in reports.items() if name != first.name]
    assert all(report.lost < report.sent / 100 for report in stayed)


def test_destroy_leaves_nothing_on_any_node(swarm: Swarm) -> None:
    swarm.destroy()
    for node in swarm.nodes:
        wait_until(lambda: not node.engine.containers.list(all=True), "no containers", 30)  # noqa: B023
        names = {network.name for network in node.engine.networks.list()}
        assert swarm.config["networkName"] not in names
        assert node.engine.volumes.list() == []
    assert swarm.nodes[0].engine.services.list() == []
