"""The life of a stack: up, a second up without changes, faults, destroy."""

from pathlib import Path

from tests.support.contract import HELLO, answers_until, ask
from tests.support.deployment import Deployment
from tests.support.polling import wait_until
from tests.support.updates import check_a_failed_build
from topology import SERVICES


def test_up_then_nothing_to_do_then_destroy(fresh: Deployment) -> None:
    fresh.up()
    fresh.operate("preview", "--expect-no-changes")
    fresh.operate("refresh", "--skip-preview")
    fresh.operate("preview", "--expect-no-changes")
    fresh.operate("preview", "--refresh", "--expect-no-changes")
    left = fresh.left()
    assert len(left["containers"]) == 1 + len(SERVICES)
    assert len(left["networks"]) == 1
    assert len(left["images"]) == len(left["containers"])
    fresh.destroy()
    assert fresh.left() == {"containers": [], "networks": [], "images": [], "volumes": []}
    assert fresh.engine.images.list(name=f"{fresh.prefix}frontend") == []


def test_wrong_configuration_is_refused_at_preview_all_at_once(fresh: Deployment) -> None:
    fresh.config |= {
        "frontendPort": "70000",
        "bindAddress": "here",
        "frontendport": "hidden",
        "microservice1Port": "8082",
    }
    fresh.set_service("microservice2", replicas="many", hostPort=0)
    refused = fresh.operate("preview", check=False)
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0
    for expected in (
        "frontendPort: 70000 is not right; it must be a port",
        "bindAddress: 'here' is not right; it must be an IPv4 address",
        "frontendport: there is no such key",
        "pulumi config set --path services.microservice1.hostPort 8082 && pulumi config rm",
        "services.microservice2.hostPort: 0 is not right; it must be a port",
        "services.microservice2.replicas: 'many' is not right; it must be a whole number",
    ):
        assert expected in said
    assert "hidden" not in said
    assert "Traceback" not in said
    assert fresh.left() == {"containers": [], "networks": [], "images": [], "volumes": []}


def test_the_log_of_a_failed_build_is_what_buildkit_says(
    deployment: Deployment, tmp_path: Path
) -> None:
    check_a_failed_build(deployment, tmp_path)


def test_an_edited_service_is_live_and_a_broken_one_is_not(deployment: Deployment) -> None:
    app = deployment.project / "services" / "microservice1" / "app.py"
    good = app.read_text()
    url = deployment.url + "/api/v1/say_hello"
    app.write_text(good.replace("Hello Micro", "Good day Micro"))
    edited = HELLO.replace(b"Hello", b"Good day")
    assert set(answers_until(url, edited)) <= {HELLO, edited}
    log = deployment.container("microservice1")
    before, restarts = log.logs(), log.attrs["RestartCount"]
    app.write_text("def broken(:\n")
    wait_until(lambda: b"the last good version keeps" in log.logs()[len(before) :], "it is logged")
    assert b"SyntaxError" in log.logs()[len(before) :]
    assert ask(url)[2] == edited
    app.write_text(good)
    assert set(answers_until(url, HELLO)) <= {HELLO, edited}
    log.reload()
    assert log.attrs["RestartCount"] == restarts
