"""Which Docker engine everything here talks to."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from infra import docker_host, tunnel
from infra.docker_host import UnusableError, resolve
from tools.setup import environment, paths
from tools.setup.errors import Problem

SERVER = "ssh://deploy@server:2222"


def context(config: Path, name: str, address: str, *, tls: bool = False) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Endpoints": {"docker": {"Host": address}}}))
    if tls:
        (config / "contexts" / "tls" / digest / "docker").mkdir(parents=True)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    context(tmp_path, "server", SERVER)
    context(tmp_path, "safe", "tcp://safe:2376", tls=True)
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "server"}))
    return tmp_path


@pytest.mark.parametrize(
    ("configured", "variables", "expected"),
    [
        ("", {}, (SERVER, "the current docker context")),
        ("", {"DOCKER_CONTEXT": "safe"}, ("tcp://safe:2376", "DOCKER_CONTEXT")),
        (
            "",
            {"DOCKER_CONTEXT": "default", "DOCKER_HOST": "tcp://a:1"},
            ("tcp://a:1", "DOCKER_HOST"),
        ),
        ("tcp://b:1", {}, ("tcp://b:1", "docker:host")),
        ("tcp://b:1", {"DOCKER_HOST": "tcp://b:1"}, ("tcp://b:1", "docker:host")),
        (SERVER, {"DOCKER_HOST": tunnel.end_of(SERVER)}, (SERVER, "docker:host")),
    ],
)
def test_an_engine_is_named_by_the_first_of(
    config: Path, configured: str, variables: dict[str, str], expected: tuple[str, str]
) -> None:
    host = resolve(configured, {"DOCKER_CONFIG": str(config), **variables})
    assert (host.address, host.named_by) == expected


def test_the_default_is_dockers_own(tmp_path: Path) -> None:
    assert resolve("", {"DOCKER_CONFIG": str(tmp_path)}).address == docker_host.DEFAULT


@pytest.mark.parametrize(
    ("configured", "variables", "said"),
    [
        (
            SERVER,
            {"DOCKER_HOST": "tcp://a:1"},
            f"docker:host names {SERVER}, DOCKER_HOST names tcp",
        ),
        (
            "",
            {"DOCKER_HOST": "tcp://a:1", "DOCKER_CONTEXT": "safe"},
            "DOCKER_HOST names tcp://a:1, ",
        ),
        (SERVER, {"DOCKER_CONTEXT": "safe"}, "DOCKER_CONTEXT names tcp://safe:2376; unset one"),
        ("", {"DOCKER_CONTEXT": "none"}, "DOCKER_CONTEXT is 'none', which cannot be read"),
    ],
)
def test_what_names_no_single_engine_is_refused(
    config: Path, configured: str, variables: dict[str, str], said: str
) -> None:
    with pytest.raises(UnusableError) as refused:
        resolve(configured, {"DOCKER_CONFIG": str(config), **variables})
    assert said in str(refused.value)


def test_a_damaged_configuration_of_docker_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UnusableError, match=r"config\.json cannot be read"):
        resolve("", {"DOCKER_CONFIG": str(tmp_path)})


def test_certificates_are_those_of_the_context_or_of_the_environment(config: Path) -> None:
    here = {"DOCKER_CONFIG": str(config)}
    tls = config / "contexts" / "tls"
    of_context = resolve("", {**here, "DOCKER_CONTEXT": "safe"}).certificates
    assert Path(of_context).parent.parent == tls
    variables = {**here, "DOCKER_HOST": "tcp://a:1", "DOCKER_TLS_VERIFY": "1"}
    assert resolve("", variables).certificates == str(config)
    assert resolve("", {**variables, "DOCKER_CERT_PATH": "/certs"}).certificates == "/certs"
    assert resolve("", {**here, "DOCKER_HOST": "tcp://a:1"}).certificates == ""


class TestStack:
    """`make COMMAND STACK=prod` uses the engine that the stack configures."""

    @pytest.fixture(autouse=True)
    def _project(self, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in docker_host.VARIABLES:
            monkeypatch.setenv(name, "")  # so that it is restored
            monkeypatch.delenv(name)
        monkeypatch.setenv("DOCKER_CONFIG", str(config))
        monkeypatch.setattr(paths, "PROJECT", config)
        monkeypatch.setattr(tunnel, "open_to", tunnel.end_of)

    def configure(self, config: Path, host: str) -> None:
        (config / "Pulumi.prod.yaml").write_text(f"config:\n  docker:host: {host}\n  a:b: c\n")

    @pytest.mark.parametrize("quote", ["", "'", '"'])
    def test_its_shell_gets_the_end_of_the_tunnel(self, config: Path, quote: str) -> None:
        self.configure(config, f"{quote}{SERVER}{quote}")
        assert environment.engine("prod") == [f"export DOCKER_HOST={tunnel.end_of(SERVER)}"]
        assert os.environ["DOCKER_HOST"] == tunnel.end_of(SERVER)
        assert not docker_host.is_here()

    def test_a_context_of_the_shell_is_resolved_once(
        self, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCKER_CONTEXT", "safe")
        lines = environment.engine("dev")
        assert lines[:2] == ["export DOCKER_HOST=tcp://safe:2376", "unset DOCKER_CONTEXT"]
        assert lines[2] == "export DOCKER_TLS_VERIFY=1"
        assert str(config) in lines[3]
        assert environment.engine("dev") == []

    def test_another_engine_of_the_shell_is_refused(
        self, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.configure(config, SERVER)
        monkeypatch.setenv("DOCKER_HOST", "tcp://a:1")
        with pytest.raises(Problem, match=f"docker:host names {SERVER}, DOCKER_HOST names"):
            environment.engine("prod")
        assert os.environ["DOCKER_HOST"] == "tcp://a:1"
