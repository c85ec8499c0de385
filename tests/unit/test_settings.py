"""A stack's configuration: defaults, and every error at once."""

from pathlib import Path

import pytest
import yaml

from infra.settings import DEFAULTS, SettingsError, parse, port_key
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]


def errors(**config: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        parse(config, SERVICES)
    return str(raised.value).splitlines()


def test_defaults_are_the_contract() -> None:
    settings = parse({}, SERVICES)
    assert settings.frontend_port == 80
    assert settings.bind_address == "127.0.0.1"
    assert settings.image_version == "v1"
    assert settings.host_ports == {service.name: service.host_port for service in SERVICES}
    assert settings.host_ports["microservice1"] == 8080
    assert settings.host_ports["microservice2"] == 8081


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("frontendPort", "0", "from 1 to 65535"),
        ("frontendPort", "70000", "from 1 to 65535"),
        ("microservice1Port", "abc", "from 1 to 65535"),
        ("microservice2Port", "-1", "from 1 to 65535"),
        ("bindAddress", "localhost", "IPv4 address"),
        ("bindAddress", "256.0.0.1", "IPv4 address"),
        ("imageVersion", "v 1", "image tag"),
        ("subnet", "8.8.8.0/24", "private"),
        ("subnet", "10.0.0.1/24", "private"),
        ("subnet", "10.0.0.0/30", "/16 to /26"),
        ("networkName", "x", "two or more"),
        ("pythonImage", "", "image"),
        ("trustedProxies", "10.0.0.0/8,here", "addresses or networks"),
        ("rateLimit", "-1", "0 for no limit"),
        ("rateLimit", "10r/s", "0 for no limit"),
        ("waitTimeout", "0", "seconds"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(key: str, value: str, right: str) -> None:
    (line,) = errors(**{key: value})
    assert line.startswith(f"{key}: {value!r} ")
    assert right in line


def test_all_errors_come_at_once() -> None:
    lines = errors(frontendPort="0", bindAddress="here", frontendport="80")
    assert [line.split(":")[0] for line in lines] == ["frontendport", "frontendPort", "bindAddress"]


def test_two_on_one_host_port() -> None:
    (line,) = errors(microservice2Port="8080")
    assert line.startswith("microservice2Port: '8080' is the host port of microservice1Port too")


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    (line,) = errors(frontendport="80")
    assert "no such key" in line
    assert "frontendPort" in line


def test_pulumi_yaml_documents_every_key_with_its_default() -> None:
    documented = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    ports = {port_key(service): str(service.host_port) for service in SERVICES}
    assert {key: entry["default"] for key, entry in documented.items()} == {**DEFAULTS, **ports}
    assert all(entry["description"].endswith(".") for entry in documented.values())
