"""A stack can be destroyed even if its configuration has become invalid."""

import shutil
import socket
from datetime import datetime

from infra.health import MIN_READY_SECONDS
from tests.support import base
from tests.support.deployment import Deployment


def started(one: Deployment, service: str, replica: int) -> datetime:
    return datetime.fromisoformat(one.container(service, replica).attrs["State"]["StartedAt"])


def test_production_is_removed_whatever_is_wrong_by_then(fresh: Deployment) -> None:
    fresh.config |= {"mode": "production", "replicas": "2"}
    fresh.up()
    name = f"{fresh.prefix}router_two_2"
    fresh.engine.containers.get(name).remove(force=True)
    foreign = fresh.engine.containers.create(base.python(), "true", name=name)
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            fresh.config["frontendPort"] = str(listener.getsockname()[1])
            refused = fresh.up(check=False)
            assert refused.returncode != 0
            assert "frontendPort: port" in refused.stdout
            assert f"'{name}' is another's container" in refused.stdout
            fresh.config |= {"replicas": "0", "noSuchKey": "1"}
            assert "replicas: 0 is not right" in fresh.up(check=False).stdout
            fresh.config["replicas"] = "many"
            assert "'replicas' must be of type 'integer'" in fresh.up(check=False).stderr
            shutil.rmtree(fresh.project / "services" / "microservice1")
            plain = fresh.operate("destroy", "--skip-preview", check=False)
            assert plain.returncode != 0
            assert "You must run with the `--run-program` flag" in plain.stdout + plain.stderr
            as_make_does = ("--run-program", "--skip-config-validation")
            fresh.pulumi("destroy", *fresh.configured(), "--preview-only", *as_make_does)
            fresh.operate("destroy", "--skip-preview", *as_make_does)
        assert not any(fresh.left().values())
        foreign.reload()
    finally:
        foreign.remove(force=True)


def test_production_has_nothing_to_do_then_destroy_leaves_nothing(fresh: Deployment) -> None:
    fresh.config |= {"mode": "production", "replicas": "2"}
    fresh.up()
    made = sorted(started(fresh, "microservice1", number) for number in (1, 2))
    assert (made[1] - made[0]).total_seconds() < MIN_READY_SECONDS, "they waited for each other"
    fresh.operate("preview", "--expect-no-changes")
    fresh.operate("preview", "--refresh", "--expect-no-changes")
    fresh.destroy()
    assert fresh.left() == {"containers": [], "networks": [], "images": [], "volumes": []}
