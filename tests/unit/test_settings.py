"""A stack's configuration: its defaults, and all errors reported together."""

from collections.abc import Mapping

import pytest

from infra import keys
from infra.admission import Refused
from tests.support import configured
from tools.setup import versions
from topology import SERVICES

RANGE = "from 1 to 65535"


def errors(config: Mapping[str, object], secret: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(Refused) as raised:
        configured.read(config, secret)
    return raised.value.lines


def instead(key: str, path: str, value: str) -> str:
    command = f"pulumi config set --path {path} {value}"
    return f"{key}: use `services`: {command} && pulumi config rm {key}"


def of(name: str, own: Mapping[str, object]) -> dict[str, object]:
    return {"services": {name: own}}


def test_defaults_are_the_contract() -> None:
    settings = configured.read({})
    assert settings.frontend_port == 80
    assert settings.bind_address == "127.0.0.1"
    assert settings.image_version == "v1"
    assert settings.host_ports == {service.name: service.host_port for service in SERVICES}
    assert settings.host_ports["microservice1"] == 8080
    assert settings.host_ports["microservice2"] == 8081
    assert set(settings.counts.values()) == {1}
    assert settings.placement == {"frontend": (), **{service.name: () for service in SERVICES}}


def test_pulumi_yaml_declares_every_key_with_its_type_and_default() -> None:
    declared = configured.declared()
    assert {key: entry["default"] for key, entry in declared.items()} == keys.DEFAULTS
    python = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    assert all(type(entry["default"]) is python[entry["type"]] for entry in declared.values())
    assert all(entry["description"].endswith(".") for entry in declared.values())
    assert all(key in declared["services"]["description"] for key in keys.OF_SERVICE)


def test_the_setup_gets_the_base_images_that_are_the_default() -> None:
    default = keys.DEFAULTS
    images = (versions.PYTHON_IMAGE, versions.NGINX_IMAGE)
    assert images == (default["pythonImage"], default["nginxImage"])


def test_a_number_is_one_as_pulumi_config_set_writes_it() -> None:
    settings = configured.read(
        {"mode": "production", "replicas": "2"}
        | of("microservice1", {"replicas": "3", "hostPort": "8088"})
    )
    assert settings.counts == {"microservice1": 3, "microservice2": 2}
    assert settings.host_ports["microservice1"] == 8088
    assert configured.read({"encryptNetwork": "true"}).encrypt_network


def test_what_a_service_has_of_its_own_goes_before_the_default_of_all() -> None:
    settings = configured.read(
        {
            "mode": "swarm",
            "replicas": 2,
            "placement": ["node.role==worker"],
            "services": {
                "microservice1": {"replicas": 3},
                "microservice2": {"placement": ["node.labels.disk == ssd", "node.role==worker"]},
                "frontend": {"placement": []},
            },
        }
    )
    assert settings.counts == {"microservice1": 3, "microservice2": 2}
    assert settings.placement == {
        "frontend": (),
        "microservice1": ("node.role==worker",),
        "microservice2": ("node.labels.disk == ssd", "node.role==worker"),
    }


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("mode", "test", "development or production or swarm"),
        ("replicas", 17, "from 1 to 16"),
        ("replicas", 0, "from 1 to 16"),
        ("frontendPort", 0, RANGE),
        ("frontendPort", 70000, RANGE),
        ("bindAddress", "localhost", "IPv4 address"),
        ("bindAddress", "256.0.0.1", "IPv4 address"),
        ("imageVersion", "v 1", "image tag"),
        ("subnet", "8.8.8.0/24", "private"),
        ("subnet", "10.0.0.1/24", "private"),
        ("subnet", "10.0.0.0/30", "/16 to /26"),
        ("networkName", "x", "two or more"),
        ("pythonImage", "", "image"),
        ("trustedProxies", ["10.0.0.0/8", "here"], 'such as ["10.0.0.0/8"]'),
        ("rateLimit", -1, "0 for no limit"),
        ("waitTimeout", 0, "seconds"),
        ("placement", ["node.role=worker"], 'such as ["node.role==worker"]'),
        ("placement", [1], 'such as ["node.role==worker"]'),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(key: str, value: object, right: str) -> None:
    (line,) = errors({key: value})
    assert line.startswith(f"{key}: {value!r} is not right; it must be ")
    assert right in line


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("frontendPort", "abc", RANGE),
        ("rateLimit", "10r/s", "0 for no limit"),
        ("encryptNetwork", "yes", "true or false"),
        ("trustedProxies", "10.0.0.0/8", 'such as ["10.0.0.0/8"]'),
        ("replicas", "2,microservice1=3", "from 1 to 16"),
        ("services", "microservice1", "names of services"),
        ("services", "[]", "names of services"),
    ],
)
def test_a_value_of_another_type_too(key: str, value: str, right: str) -> None:
    """Pulumi refuses it by the key's type, but for `--skip-config-validation`."""
    (line,) = errors({key: value})
    assert line.startswith(f"{key}: ")
    assert right in line


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("hostPort", "abc", RANGE),
        ("hostPort", -1, RANGE),
        ("hostPort", True, RANGE),
        ("hostPort", 80.5, RANGE),
        ("hostPort", None, RANGE),
        ("replicas", [], "from 1 to 16"),
        ("placement", "node.role==worker", "a list of constraints"),
    ],
)
def test_a_wrong_value_of_a_service_is_named_by_its_path(
    key: str, value: object, right: str
) -> None:
    (line,) = errors(of("microservice1", {key: value}))
    assert line.startswith(f"services.microservice1.{key}: {value!r} is not right; it must be ")
    assert right in line


def test_on_a_swarm_there_may_be_more_replicas() -> None:
    assert configured.read({"mode": "swarm", "replicas": 999}).counts["microservice1"] == 999
    (line,) = errors({"mode": "swarm"} | of("microservice1", {"replicas": 1000}))
    assert "from 1 to 999" in line


def test_all_errors_come_at_once() -> None:
    lines = errors(
        {
            "frontendPort": 0,
            "bindAddress": "here",
            "frontendport": 80,
            "services": {
                "microservice1": {"hostPort": 0, "port": 1, "replicas": "many"},
                "microservice2": 3,
                "orders": {},
                "frontend": {"hostPort": 80},
            },
        }
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "frontendport",
        "services.microservice1.port",
        "services.microservice2",
        "services.orders",
        "services.frontend.hostPort",
        "services.microservice1.replicas",
        "services.microservice1.hostPort",
        "frontendPort",
        "bindAddress",
    ]


def test_two_on_one_host_port() -> None:
    (line,) = errors(of("microservice2", {"hostPort": 8080}))
    assert line.startswith(
        "services.microservice2.hostPort: 8080 is the host port of services.microservice1.hostPort"
    )


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"replicas": 2}, "replicas"),
        (of("microservice1", {"replicas": 2}), "services.microservice1.replicas"),
    ],
)
def test_in_development_a_service_has_one_replica(config: dict[str, object], path: str) -> None:
    (line,) = errors(config)
    assert line.startswith(f"{path}: more than 1 of a service needs mode production")


def test_a_network_too_small_for_the_replicas() -> None:
    (line,) = errors({"mode": "production", "replicas": 16, "subnet": "10.0.0.0/26"})
    assert line.startswith("subnet: '10.0.0.0/26' has room for ")


def test_an_unknown_key_is_refused_with_the_known_ones_and_without_its_value() -> None:
    (line,) = errors({"frontendport": "hidden"})
    assert line.startswith("frontendport: there is no such key; the keys are ")
    assert all(key in line for key in configured.declared())
    assert "hidden" not in line


def test_an_unknown_service_or_key_of_one_is_refused_with_the_known_ones() -> None:
    assert errors(of("orders", {"hostPort": 1})) == [
        "services.orders: no such service; there are microservice1, microservice2, frontend"
    ]
    assert errors(of("microservice1", {"port": "hidden"})) == [
        "services.microservice1.port: no such key; microservice1 has " + ", ".join(keys.OF_SERVICE)
    ]


def test_a_logging_driver_has_limits_of_its_own_or_those_of_the_stack() -> None:
    bounded = {"max-size": "10m", "max-file": "3"}
    assert configured.read({}).log_options == bounded
    assert configured.read({"logDriver": "local"}).log_options == bounded
    assert configured.read({"logDriver": "journald"}).log_options == {}
    own = configured.read({"logOptions": {"max-size": "50m", "max-file": 2}})
    assert own.log_options == {"max-size": "50m", "max-file": "2"}
    (line,) = errors({"logOptions": {"max-file": "3"}})
    assert line.startswith("logOptions: {'max-file': '3'} has no max-size")
    (line,) = errors({"logOptions": {"Max Size": "3"}})
    assert "it must be options of the logging driver" in line


def test_a_secret_is_never_said() -> None:
    config = {"frontendPort": "70000", "bindAddress": "hidden", "microservice2Port": "4711"}
    lines = errors(config | of("microservice1", {"hostPort": "hidden"}), (*config, "services"))
    assert [line.partition(";")[0] for line in lines] == [
        instead("microservice2Port", "services.microservice2.hostPort", "PORT"),
        "services.microservice1.hostPort: a secret value is not right",
        "frontendPort: a secret value is not right",
        "bindAddress: a secret value is not right",
    ]


def test_a_key_of_before_is_refused_with_the_command_that_replaces_it() -> None:
    (line,) = errors({"microservice1Port": "8082"})
    assert line == instead("microservice1Port", "services.microservice1.hostPort", "8082")


def test_a_path_that_was_set_without_the_flag_is_refused_with_the_command_that_has_it() -> None:
    path = "services.microservice1.replicas"
    (line,) = errors({path: "3"})
    assert line == instead(path, path, "VALUE")
