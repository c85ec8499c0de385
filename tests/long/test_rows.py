"""What a row gives its service: environment, secrets, a volume, limits and a way out."""

import socket
from pathlib import Path

from psutil import net_if_addrs

from infra.settings import PRODUCTION
from tests.support.deployment import Deployment, reaches
from tests.support.full_row import FIRST, SECOND, VOLUME, Seen, facts, hashed, write_service
from tests.support.load import load
from tests.support.plain_sight import in_plain_sight
from tests.support.updates import (
    REQUESTS_PER_SECOND,
    assert_nothing_lost,
    ids,
    mixed,
)

PASSPHRASE = "a passphrase"
SECRETS = (FIRST, SECOND)


def test_a_row_gives_a_service_what_it_needs(tmp_path: Path) -> None:
    with Deployment(tmp_path, PASSPHRASE) as one:
        write_service(one, VOLUME)
        refused = one.up(check=False)
        assert refused.returncode != 0
        assert "services.microservice1.secrets.TOKEN: it has no value" in refused.stdout
        assert one.containers() == []
        one.set_secret("microservice1", "TOKEN", FIRST)
        one.set_service("microservice1", env={"COLOUR": "blue"})
        done = one.up()
        assert facts(one.url) == Seen("blue1", hashed(FIRST), "")
        assert facts(one.url, "POST").lines == "a line"
        check_container(one)
        one.operate("preview", "--refresh", "--expect-no-changes")
        assert in_plain_sight(one, SECRETS, done.stdout, done.stderr) == []
        change_the_secret(one, {"router_one"})
        one.container("microservice1").kill("SIGKILL")
        one.up("--refresh")
        assert facts(one.url).lines == "a line"
        one.destroy()
        assert one.left()["volumes"] == [f"{one.prefix}microservice1-files"]
        one.up()
        assert facts(one.url).lines == "a line"


def test_a_changed_secret_loses_no_request(tmp_path: Path) -> None:
    with Deployment(tmp_path, PASSPHRASE, mode=PRODUCTION, replicas=2) as one:
        write_service(one)
        one.set_secret("microservice1", "TOKEN", FIRST)
        one.up()
        check_container(one)
        one.operate("preview", "--refresh", "--expect-no-changes")
        with load(one.url, mixed(one), rate=REQUESTS_PER_SECOND) as report:
            change_the_secret(one, {"router_one", "router_one_2"})
        assert_nothing_lost(report, seconds=10)


def change_the_secret(one: Deployment, replaced: set[str]) -> None:
    before = ids(one)
    one.set_secret("microservice1", "TOKEN", SECOND)
    shown = one.operate("preview", "--diff")
    changed = one.up("--diff")
    assert facts(one.url).token == hashed(SECOND)
    assert in_plain_sight(one, SECRETS, shown.stdout, changed.stdout) == []
    after = ids(one)
    assert {
        name for name in before.keys() & after.keys() if before[name] != after[name]
    } == replaced
    (old,), (new,) = (set(one) - set(other) for one, other in ((before, after), (after, before)))
    assert "secrets" in old
    assert "secrets" in new


def check_container(one: Deployment) -> None:
    limits = one.container("microservice1").attrs["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"], limits["PidsLimit"]) == (
        96 * 2**20,
        15 * 10**8,
        40,
    )
    assert limits["ReadonlyRootfs"]
    host_address = next(a.address for a in net_if_addrs()["docker0"] if a.family == socket.AF_INET)
    with socket.create_server((host_address, 0)) as outside:
        port = outside.getsockname()[1]
        assert reaches(one.container("microservice1"), host_address, port)
        assert reaches(one.container("microservice2"), host_address, port) is (
            one.config.get("mode") != PRODUCTION
        )
