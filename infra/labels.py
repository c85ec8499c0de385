"""The labels of what a stack makes: how it is found on an engine, and what it is made of."""

from collections.abc import Mapping
from typing import Any

SWARM_TASK = "com.docker.swarm.task.id"  # the engine's own, of a container that a swarm made
PROJECT = "microservices.project"
STACK = "microservices.stack"
IMAGE = "microservices.image"  # of a container: the tag that it is made from
CONTENT = "microservices.content"  # of an image: the digest of what it is built from
TAG = "microservices.tag"
MOUNTS = "microservices.mounts"  # of a container: the digest of the folders it mounts
VERSION = "microservices.version"  # of a publication: the digest of the gateway's content
STANDBY = "microservices.standby"  # of the gateway's network's owner: what it promises
PIDS_LIMIT = "microservices.pids-limit"  # of a container: how many processes it may have
DOMAIN = "microservices.domain"  # of a gateway with HTTPS: the host name of the page
STREAMS = "microservices.streams"  # of a replica: for how many seconds its drain waits for streams


def of_stack(project: str, stack: str) -> dict[str, str]:
    return {PROJECT: project, STACK: stack}


def of_inputs(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels in a container's inputs."""
    return {one["label"]: one["value"] for one in inputs.get("labels") or ()}


def streams_of(inputs: Mapping[str, Any]) -> int:
    """Return what STREAMS says in a container's inputs, or 0."""
    return int(of_inputs(inputs).get(STREAMS, 0))


def filters(stack: str, project: str = "") -> dict[str, str | list[str] | bool]:
    """Return what a Docker client's `filters` takes to list what a stack made."""
    return {"label": [f"{PROJECT}={project}" if project else PROJECT, f"{STACK}={stack}"]}
