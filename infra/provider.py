"""The Pulumi provider of the stack's Docker engine."""

import pulumi
import pulumi_docker as docker

from infra import docker_host
from infra.admission import Refused

# Clients other than the provider could not follow these.
NOT_USED = ("certPath", "caMaterial", "certMaterial", "keyMaterial", "context", "sshOpts")


def use_engine() -> None:
    """Make every client of this process, and the provider, use the stack's engine.

    Raises Refused.
    """
    config = pulumi.Config("docker")
    lines = [
        f"docker:{key}: is not used; name the engine by docker:host, or it and its certificates "
        "by a docker context"
        for key in NOT_USED
        if config.get(key) is not None
    ]
    try:
        docker_host.use(config.get("host", ""))
    except docker_host.UnusableError as error:
        lines.append(f"docker:host: {error}")
    if lines:
        raise Refused(lines)


def of_stack() -> docker.Provider:
    host = docker_host.resolve()
    return docker.Provider(
        "engine",
        host=host.address if host.named_by else None,
        cert_path=host.certificates or None,
        registry_auth=pulumi.Config("docker").get_secret_object("registryAuth"),
    )
