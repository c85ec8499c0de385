"""The stack's own names, ports and addresses show in no difference; a changed default does."""

import ipaddress
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import configured
from tools.previewdiff.isolation import Isolation
from tools.previewdiff.stack_file import configuration, take_secrets
from tools.previewdiff.stand_in_certificate import put
from tools.setup.errors import Problem

ROOT = Path(__file__).resolve().parents[2]
DECLARED = {
    "frontendPort": "80",
    "networkName": "deploy",
    "namePrefix": "",
    "subnet": "172.31.240.0/24",
    "bindAddress": "0.0.0.0",
    "imageVersion": "v1",
}


@pytest.fixture
def isolation(tmp_path: Path) -> Isolation:
    return Isolation("dev", tmp_path / "project")


def test_only_what_two_stacks_cannot_share_is_set(isolation: Isolation) -> None:
    own = isolation.configuration(DECLARED)
    assert sorted(own) == ["bindAddress", "frontendPort", "namePrefix", "networkName", "subnet"]
    assert ipaddress.ip_address(own["bindAddress"]).is_loopback
    assert own["networkName"] == f"{isolation.id}-deploy"


def test_both_commits_have_the_same(isolation: Isolation) -> None:
    """Each value is drawn once, and remembered; another stack draws others."""
    own = isolation.configuration(DECLARED)
    assert isolation.configuration(DECLARED) == own
    other = Isolation("dev", isolation.project).configuration(DECLARED)
    assert not [key for key in own if key != "bindAddress" and other[key] == own[key]]


def test_a_changed_default_has_another_stand_in(isolation: Isolation) -> None:
    before = isolation.configuration(DECLARED)
    after = isolation.configuration({**DECLARED, "frontendPort": "8088", "subnet": "10.0.0.0/20"})
    assert before["frontendPort"] != after["frontendPort"]
    assert before["networkName"] == after["networkName"]
    networks = [ipaddress.ip_network(own["subnet"]) for own in (before, after)]
    assert not networks[0].overlaps(networks[1])
    assert networks[1].prefixlen == 20
    assert isolation.plain(after["frontendPort"]) == "8088"


def test_plain_takes_all_of_it_out(isolation: Isolation) -> None:
    own = isolation.configuration(DECLARED)
    address = ipaddress.ip_network(own["subnet"])[10]
    text = (
        f'{{"name": "{own["namePrefix"]}router_one", "network": "{own["networkName"]}",'
        f' "port": {own["frontendPort"]}, "ip": "{address}", "subnet": "{own["subnet"]}",'
        f' "bind": "{own["bindAddress"]}", "source": "{isolation.project}/frontend",'
        f' "stack": "{isolation.id}", "digest": "a{own["frontendPort"]}b"}}'
    )
    assert isolation.plain(text) == (
        '{"name": "router_one", "network": "deploy", "port": 80, "ip": "172.31.240.10",'
        ' "subnet": "172.31.240.0/24", "bind": "0.0.0.0", "source": "frontend",'
        f' "stack": "dev", "digest": "a{own["frontendPort"]}b"}}'
    )


def test_plain_json_keeps_numbers_and_takes_a_port_for_itself_only(isolation: Isolation) -> None:
    own = isolation.configuration(DECLARED)
    port = int(own["frontendPort"])
    event = {own["networkName"]: [{"external": port, "memory": 128, "on": True, "none": None}]}
    plain = {"deploy": [{"external": 80, "memory": 128, "on": True, "none": None}]}
    assert isolation.plain_json(event) == plain
    quoted = {"command": f'curl "http://{own["bindAddress"]}:{port}"'}
    assert isolation.plain_json(quoted) == {"command": 'curl "http://0.0.0.0:80"'}
    assert isolation.plain_json(port * 10) == port * 10


def test_a_number_stays_a_number_and_no_port_stays_none(isolation: Isolation) -> None:
    own = isolation.configuration({"adminPort": 9000, "offPort": ""})
    assert isinstance(own["adminPort"], int)
    assert "offPort" not in own


def test_only_keys_that_the_commit_declares_and_its_own_stack_file(isolation: Isolation) -> None:
    isolation.project.mkdir()
    declared = {"frontendPort": {"type": "string", "default": "80"}, "networkName": "deploy"}
    pulumi = {"name": "microservices", "config": declared}
    (isolation.project / "Pulumi.yaml").write_text(yaml.safe_dump(pulumi))
    said = {"microservices:frontendPort": "81", "microservices:imageVersion": "v2"}
    file = {"encryptionsalt": "v1:x", "config": said}
    (isolation.project / "Pulumi.dev.yaml").write_text(yaml.safe_dump(file))
    own = configuration(isolation.project, isolation)
    assert own["encryptionsalt"] == "v1:x"
    assert sorted(own["config"]) == [
        "microservices:frontendPort",
        "microservices:imageVersion",
        "microservices:networkName",
    ]
    assert own["config"]["microservices:imageVersion"] == "v2"
    assert isolation.plain(own["config"]["microservices:frontendPort"]) == "81"


def test_a_row_of_the_table_has_a_host_port_that_no_other_stack_has(isolation: Isolation) -> None:
    """By `services`, where the commit has that key; what the stack's own file says counts."""
    isolation.project.mkdir()
    shutil.copy2(ROOT / "topology.py", isolation.project)
    shutil.copy2(ROOT / "Pulumi.yaml", isolation.project)
    said = {"microservice1": {"replicas": 3, "hostPort": "9090"}}
    file = {"config": {"microservices:services": said}}
    (isolation.project / "Pulumi.dev.yaml").write_text(yaml.safe_dump(file))
    own = configuration(isolation.project, isolation)["config"]["microservices:services"]
    ports = {name: isolation.plain(str(service["hostPort"])) for name, service in own.items()}
    assert ports == {"microservice1": "9090", "microservice2": "8081"}
    assert own["microservice2"]["hostPort"] != 8081
    assert own["microservice1"]["replicas"] == 3


def test_a_table_that_is_broken_is_for_the_program_to_name(isolation: Isolation) -> None:
    isolation.project.mkdir()
    shutil.copy2(ROOT / "Pulumi.yaml", isolation.project)
    (isolation.project / "topology.py").write_text("SERVICES = (\n")
    own = configuration(isolation.project, isolation)
    assert "microservices:services" not in own["config"]


def test_a_commit_without_a_pulumi_project(isolation: Isolation) -> None:
    with pytest.raises(Problem, match=r"no Pulumi\.yaml"):
        configuration(isolation.project, isolation)


def test_secrets_of_services_have_stand_ins_so_that_no_passphrase_is_needed() -> None:
    def content(secret: object, **more: object) -> dict[str, Any]:
        own = {"replicas": 2, "secrets": {"TOKEN": secret}}
        config = {"microservices:services": {"microservice1": own, "microservice2": {}}, **more}
        return {"encryptionsalt": "v1:x", "config": config}

    one, same, other = ({"secure": f"v1:{text}"} for text in ("a", "a", "b"))
    taken = content(one)
    ((path, stand_in),) = take_secrets(taken).items()
    assert path == "services.microservice1.secrets.TOKEN"
    assert "v1" not in stand_in
    assert take_secrets(content(same)) == {path: stand_in}
    assert take_secrets(content(other)) != {path: stand_in}
    services = {"microservice1": {"replicas": 2}, "microservice2": {}}
    assert taken == {"config": {"microservices:services": services}}
    login = content(one, **{"docker:registryAuth": {"secure": "v1:c"}})
    assert take_secrets(login) == {path: stand_in}
    assert login["encryptionsalt"] == "v1:x", "what is left cannot be decrypted"
    assert take_secrets({"encryptionsalt": "v1:x", "config": {}}) == {}


def test_a_certificate_has_a_stand_in_with_a_key_that_fits(isolation: Isolation) -> None:
    def content(secret: str) -> dict[str, Any]:
        keys = {"tls": "files", "domain": "shop.test", "tlsKey": {"secure": secret}}
        return {"config": {f"microservices:{key}": value for key, value in keys.items()}}

    one, same, other = content("v1:a"), content("v1:a"), content("v1:b")
    taken, again, another = (put(c, isolation.project) for c in (one, same, other))
    assert taken == again
    assert one == same
    assert taken != another
    own = {key.rpartition(":")[2]: value for key, value in one["config"].items()} | taken
    assert configured.read(own, ("tlsKey",)).secure
    assert put({"config": {"microservices:tls": "off"}}, isolation.project) == {}


def test_a_preview_asks_no_ca(isolation: Isolation) -> None:
    declared = {"acmeDirectory": "https://ca.example.com/directory"}
    own = isolation.configuration(declared)["acmeDirectory"]
    assert ".invalid/" in own
    assert isolation.plain(f"at {own}") == "at https://ca.example.com/directory"
