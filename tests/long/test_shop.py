"""The system of docs/your-own-system.md: a database, a migration, a worker, Go and a WebSocket."""

import json
import re
import shutil
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.sync.client import connect

from infra.settings import DEVELOPMENT, PRODUCTION
from tests.support import base
from tests.support.contract import ask
from tests.support.deployment import ROOT, Deployment
from tests.support.load import Request, load
from tests.support.newer_engines import Reachable
from tests.support.notes import note
from tests.support.plain_sight import in_plain_sight
from tests.support.polling import wait_until
from tests.support.processes import free_ports, run
from tests.support.rig import Rig, why_not
from tests.support.updates import assert_nothing_lost, change, ids
from tools.setup import go
from tools.setup.progress import Progress

PAGE = ROOT / "docs" / "your-own-system.md"
PASSPHRASE = "a passphrase"
PER_SECOND = 50  # low, as every request asks the database
USERS = ("database", "orders", "packer")


def build(one: Deployment) -> None:
    """Do in the copy of the project what the page says."""
    services = one.project / "services"
    shutil.copytree(ROOT / "docs" / "shop", services, dirs_exist_ok=True)
    command = [str(go.ensure(Progress())), "build", "-o", "stock", "main.go"]
    compiled = run(
        command, seconds=300, cwd=services / "stock", env={**one.environment, **go.ENVIRONMENT}
    )
    assert compiled.returncode == 0, compiled.stderr
    table = one.project / "topology.py"
    (rows,) = re.findall(r"```python\n(.+?)```", PAGE.read_text(), re.DOTALL)
    table.write_text(f"{table.read_text()}\n{rows}")
    for name, port in zip(("orders", "stock", "news"), free_ports(3), strict=True):
        one.set_service(name, hostPort=port)
    make_up_the_password(one)


def make_up_the_password(one: Deployment) -> None:
    unknown = one.new_secret("TOKEN")
    assert "NAME='TOKEN' is a secret of no service" in unknown.stderr
    made = one.new_secret("PASSWORD")
    assert made.stdout.endswith(f"in stack {one.stack}: {', '.join(USERS)}.\n")
    secrets = [one.config["services"][name]["secrets"] for name in USERS]
    assert all(secret["PASSWORD"]["secure"] for secret in secrets)
    again = one.new_secret("PASSWORD")
    assert f"services.database.secrets.PASSWORD has a value in stack {one.stack}" in again.stderr


def orders(one: Deployment, body: bytes = b"") -> dict[str, int]:
    method = "POST" if body else "GET"
    status, _, said = ask(f"{one.url}/api/orders/", method, body=body or None)
    assert status == 200, said
    counts: dict[str, int] = json.loads(said)
    return counts


def wait_packed(one: Deployment, count: int) -> None:
    wait_until(lambda: orders(one) == {"taken": count, "packed": count}, f"{count} packed")


def check_shop(one: Deployment) -> None:
    assert orders(one) == {"taken": 0, "packed": 0}
    with connect(f"ws{one.url.removeprefix('http')}/api/news/") as news:
        assert json.loads(news.recv(timeout=10)) == {"taken": 0, "packed": 0}
        assert orders(one, b"a cup")["taken"] == 1
        wait_packed(one, 1)
        assert json.loads(news.recv(timeout=10))["taken"] == 1
    assert b"42 in stock" in ask(f"{one.url}/api/stock/")[2]
    shown = {row["name"] for row in json.loads(ask(f"{one.url}/topology.json")[2])["services"]}
    assert {"orders", "stock", "news"} <= shown
    assert not shown & {"database", "packer"}
    status = one.tool("status")
    assert (status.returncode, status.stderr) == (0, ""), status.stdout
    one.operate("preview", "--refresh", "--expect-no-changes")


def test_the_shop_in_development(tmp_path: Path) -> None:
    with Deployment(tmp_path, PASSPHRASE, mode=DEVELOPMENT) as one:
        build(one)
        done = one.up()
        check_shop(one)
        path = ("--path", "services.database.secrets.PASSWORD")
        password = one.pulumi("config", "get", *path, *one.configured()).stdout.strip()
        assert len(password) > 20
        assert in_plain_sight(one, [password], done.stdout, done.stderr) == []
        check_a_failed_migration(one)
        check_the_data_lives_on(one)


def check_a_failed_migration(one: Deployment) -> None:
    migration = one.project / "services" / "orders" / "migrate.py"
    good, before = migration.read_text(), ids(one)
    change(migration, "ALTER TABLE orders", "ALTER TABLE carrots")
    failed = one.up(check=False)
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert f"{one.prefix}orders_release did not succeed" in said
    assert 'relation "carrots" does not exist' in said
    assert ids(one)["orders"] == before["orders"]
    assert orders(one)["taken"] == 1
    migration.write_text(good)
    one.up()
    one.up("--refresh")  # restores the tag of the previous image
    after = ids(one)
    assert after["orders_release"] != before["orders_release"]
    assert after["database"] == before["database"]
    one.operate("preview", "--refresh", "--expect-no-changes")


def check_the_data_lives_on(one: Deployment) -> None:
    database = one.engine.containers.get(f"{one.prefix}database")
    dump = ["docker", "exec", str(database.name), "pg_dump", "--clean", "--if-exists"]
    saved = subprocess.run(dump, check=True, capture_output=True, timeout=60).stdout
    assert b"a cup" in saved
    database.kill("SIGKILL")
    one.up("--refresh")
    wait_until(lambda: is_served(one), "the database is back")
    restore(one, saved)
    check_a_copy_of_the_volume(one)
    orders(one, b"a plate")
    wait_packed(one, 2)
    one.destroy()
    assert one.left()["volumes"] == [f"{one.prefix}database-rows"]
    one.up()
    wait_packed(one, 2)


def restore(one: Deployment, backup: bytes) -> None:
    command = ["docker", "exec", "--interactive", f"{one.prefix}database", "psql", "--quiet"]
    for text in (b"DELETE FROM orders", backup):
        subprocess.run(command, input=text, check=True, capture_output=True, timeout=60)
        assert orders(one)["taken"] == (1 if text == backup else 0)


def check_a_copy_of_the_volume(one: Deployment) -> None:
    saved = one.tool("backup", "database")
    assert saved.returncode == 0, saved.stderr
    (file,) = (one.project / "backups").iterdir()
    assert saved.stdout.startswith(f"backups/{file.name} is written; database was away for ")
    assert file.stat().st_mode & 0o777 == 0o600
    orders(one, b"a saucer")
    wait_packed(one, 2)
    broken = file.with_name("broken.tar")
    broken.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    foreign = file.with_name("foreign.tar")
    with tarfile.open(foreign, "w") as archive:
        archive.add(PAGE, "other/file")
    for wrong, said in (
        (("orders", str(file)), "S='orders' has no volume"),
        (("database", str(broken)), "cannot be read"),
        (("database", str(foreign)), "has other; database has rows"),
        (("database", "nothing.tar"), "No such file"),
    ):
        refused = one.tool("restore", *wrong)
        assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr
    assert orders(one)["taken"] == 2
    restored = one.tool("restore", "database", str(file))
    assert restored.returncode == 0, restored.stderr
    wait_until(lambda: is_served(one), "the database is back")
    assert orders(one)["taken"] == 1


def is_served(one: Deployment) -> bool:
    with suppress(OSError):
        return ask(f"{one.url}/api/orders/")[0] == 200
    return False


def test_an_update_of_the_shop_in_production_loses_no_request(tmp_path: Path) -> None:
    with Deployment(tmp_path, PASSPHRASE, mode=PRODUCTION, replicas=2) as one:
        build(one)
        one.up()
        check_shop(one)
        before = ids(one)
        asked = [
            Request(path="/api/orders/", bodies=(b'{"taken":1,"packed":1}',), keep_alive=keep)
            for keep in (True, False)
        ]
        with load(one.url, asked, rate=PER_SECOND) as report:
            app = one.project / "services" / "orders" / "app.py"
            app.write_text(f"{app.read_text()}# 2\n")
            one.up()
        note("the shop's orders, with a migration", report.summary())
        assert_nothing_lost(report, seconds=10, rate=PER_SECOND)
        after = ids(one)
        replaced = {name for name in before if before[name] != after.get(name)}
        assert {"orders", "orders_2", "orders_release"} <= replaced
        assert not replaced & {"database", "packer", "stock", "news"}


@pytest.mark.xdist_group("rig")
def test_the_orders_outlive_a_power_cut(tmp_path: Path) -> None:
    """Docker starts the containers in no order: those that come too early start again."""
    if reason := why_not():
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch, Rig(1) as rig:
        (node,) = rig.nodes
        rig.load(node, *base.both())
        patch.setenv("DOCKER_HOST", node.socket)
        with Reachable(node, tmp_path) as one:
            build(one)
            one.up()
            orders(one, b"a cup")
            wait_packed(one, 1)
            one.engine.close()
            node.crash()
            assert not is_served(one)
            node.boot()
            wait_until(lambda: is_served(one), "served again", 120)
            orders(one, b"a plate")
            wait_packed(one, 2)
            one.operate("preview", "--refresh", "--expect-no-changes")
