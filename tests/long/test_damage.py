"""Damage to a development stack, by hand or by bad sources: what `up` reports and repairs."""

import socket
import subprocess
import sys
from pathlib import Path

from docker.models.containers import Container

from tests.support.contract import HELLO, WHO, answers_until, ask
from tests.support.deployment import PULUMI_SECONDS, Deployment
from tests.support.processes import run
from topology import SERVICES


def update(one: Deployment, cache: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in place of Pulumi as `make up` does."""
    return run(
        [sys.executable, "-m", "tools.price", "up", "--stack", one.stack, "--", *command],
        seconds=PULUMI_SECONDS,
        cwd=one.project,
        env={**one.environment, "XDG_CACHE_HOME": str(cache)},
    )


def make_up(one: Deployment, cache: Path) -> bool:
    """Deploy as `make up` does. Return whether it has refreshed the state."""
    options = [*one.configured(), "--yes", "--skip-preview", "--non-interactive"]
    done = update(one, cache, "pulumi", "up", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return "Container microservice1 refresh" in done.stdout


def test_each_route_reaches_its_own_after_a_swap(fresh: Deployment) -> None:
    """Both services come back at each other's address: none answers for the other, ever."""
    fresh.up()
    network = fresh.engine.networks.get(fresh.config["networkName"])
    names = ("microservice1", "microservice2")
    containers = [fresh.container(name) for name in names]
    addresses = [fresh.address(name) for name in names]
    for container in containers:
        network.disconnect(container)
    aliases = [service.container for service in SERVICES]
    for container, alias, address in zip(containers, aliases, reversed(addresses), strict=True):
        network.connect(container, aliases=[alias], ipv4_address=address)
    for path, own in (("/api/v1/say_hello", HELLO), ("/api/v2/who_am_i", WHO)):
        answers = answers_until(fresh.url + path, own)
        assert set(answers) <= {own, b'{"Code":5020,"Message":"Bad Gateway"}'}


def test_removed_services_are_made_again(fresh: Deployment) -> None:
    fresh.up()
    for name in ("microservice1", "microservice2"):
        fresh.container(name).remove(force=True)
    fresh.operate("up", "--skip-preview", "--refresh")
    assert answers_until(fresh.url + "/api/v1/say_hello", HELLO)[-1] == HELLO
    assert answers_until(fresh.url + "/api/v2/who_am_i", WHO)[-1] == WHO


def test_what_others_have_changed_is_refreshed_and_only_that(
    fresh: Deployment, tmp_path: Path
) -> None:
    def image() -> None:
        (tag,) = fresh.engine.images.get(str(one().attrs["Image"])).tags
        fresh.engine.images.get(tag).tag("another:tag")

    def one() -> Container:
        return fresh.container("microservice1")

    make_up(fresh, tmp_path)
    assert not make_up(fresh, tmp_path)
    try:
        for damage in (
            lambda: one().stop(timeout=1),
            lambda: one().remove(force=True),
            lambda: one().update(mem_limit="200m", memswap_limit="200m"),
            lambda: fresh.engine.networks.get(fresh.config["networkName"]).disconnect(one()),
            image,
            lambda: fresh.operate("refresh", "--skip-preview"),
        ):
            damage()
            assert make_up(fresh, tmp_path)
            assert not make_up(fresh, tmp_path)
    finally:
        fresh.engine.images.remove("another:tag")
    fresh.operate("preview", "--refresh", "--expect-no-changes")


def test_a_failed_update_is_refreshed(fresh: Deployment, tmp_path: Path) -> None:
    make_up(fresh, tmp_path)
    (note,) = (tmp_path / "microservices" / "untouched").iterdir()
    assert update(fresh, tmp_path, "false").returncode == 1
    assert not note.exists()


def test_never_healthy_fails_with_its_log(fresh: Deployment) -> None:
    app = fresh.project / "services" / "microservice1" / "app.py"
    app.write_text("raise SystemExit('cannot go on: no coffee')\n")
    fresh.config["waitTimeout"] = "20"
    failed = fresh.up(check=False)
    assert failed.returncode != 0
    assert "cannot go on: no coffee" in failed.stdout + failed.stderr


def test_a_taken_port_is_named_with_its_key_and_up_works_once_it_is_free(fresh: Deployment) -> None:
    with socket.create_server(("127.0.0.1", fresh.ports["microservice2"])):
        refused = fresh.up(check=False)
    said = refused.stdout + refused.stderr
    key = "services.microservice2.hostPort"
    assert refused.returncode != 0
    assert f"pulumi config set --path {key} PORT" in said
    assert f"{key}: port {fresh.ports['microservice2']} of 127.0.0.1 is taken" in said
    assert fresh.left() == {"containers": [], "networks": [], "images": [], "volumes": []}
    fresh.up()
    assert ask(fresh.url + "/api/v2/who_am_i")[2] == WHO
