"""Run a command in a new container that has what a service's containers have."""

import secrets
import shlex

from docker.models.containers import Container

from infra import labels
from tools.setup import process
from tools.setup.errors import Problem

SECONDS = 60


def create(like: Container, words: str, *, terminal: bool) -> str:
    """Create a container for a command, and return its name. It is removed when it ends.

    Its image, environment, networks, limits and volumes are those of `like`: a service's data and
    secrets, and in development its sources.
    """
    name = f"{like.name}_run_{secrets.token_hex(3)}"
    network, *others = like.attrs["NetworkSettings"]["Networks"]
    process.run("docker", *_creation(like, words, name, network, terminal=terminal), limit=SECONDS)
    for other in others:  # older engines attach a new container to one network only
        process.run("docker", "network", "connect", other, name, limit=SECONDS)
    return name


def refuse_a_swarm(container: Container, remedy: str) -> None:
    if labels.SWARM_TASK in container.labels:
        raise Problem(
            f"{container.name} is a task of a swarm, which has no such command", "", remedy
        )


def _creation(like: Container, words: str, name: str, network: str, *, terminal: bool) -> list[str]:
    try:
        split = shlex.split(words)
    except ValueError as error:
        raise Problem(f"CMD={words!r} cannot be read: {error}", remedy="close its quotes") from None
    if not split:
        raise Problem("CMD is empty", remedy='name a command, such as CMD="python3 migrate.py"')
    refuse_a_swarm(like, f"run the command in it: docker exec {like.name} COMMAND")
    config, host = like.attrs["Config"], like.attrs["HostConfig"]
    several = {
        "--env": config["Env"] or (),
        "--add-host": host["ExtraHosts"] or (),
        "--security-opt": host["SecurityOpt"] or (),
        "--tmpfs": [f"{folder}:{options}" for folder, options in (host["Tmpfs"] or {}).items()],
    }
    return [
        *("create", "--rm", "--init", "--interactive", *(["--tty"] if terminal else [])),
        *("--name", name, "--network", network),
        *("--user", config["User"], "--cap-drop", "ALL", "--read-only"),
        *("--memory", str(host["Memory"]), "--memory-swap", str(host["Memory"])),
        *("--pids-limit", str(host["PidsLimit"] or -1)),
        *("--volumes-from", str(like.name), "--no-healthcheck"),
        *(word for option, values in several.items() for one in values for word in (option, one)),
        *(str(like.attrs["Image"]), *split),
    ]
