"""More violations that the policy pack refuses."""

from tests.support.deployment import Deployment
from tests.support.policy import PACK, refused
from tests.support.updates import change


def test_ports_are_at_the_address_that_the_configuration_names(fresh: Deployment) -> None:
    fresh.config["bindAddress"] = "0.0.0.0"
    fresh.operate("preview", PACK)
    change(fresh.project / "infra" / "containers.py", "ip=settings.bind_address", "ip='127.0.0.1'")
    done = fresh.operate("preview", PACK, check=False)
    assert done.returncode != 0
    assert refused(done.stdout) == {"published-address"}


def test_one_line_changed_is_refused_by_up_with_nothing_made(fresh: Deployment) -> None:
    change(fresh.project / "infra" / "containers.py", '"read_only": True', '"read_only": False')
    done = fresh.operate("up", PACK, check=False)
    assert done.returncode != 0
    assert refused(done.stdout) == {"read-only"}
    assert "readOnly: it must be true" in done.stdout
    assert not any(fresh.left().values())
