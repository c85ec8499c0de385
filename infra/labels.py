"""The labels of what a stack makes: how it is found on an engine, and what it is made of."""

PROJECT = "microservices.project"
STACK = "microservices.stack"
IMAGE = "microservices.image"  # of a container: the tag that it is made from
MOUNTS = "microservices.mounts"  # of a container: the digest of the folders it mounts
VERSION = "microservices.version"  # of a publication: the digest of the gateway's content
PIDS_LIMIT = "microservices.pids-limit"  # of a container: how many processes it may have


def of_stack(project: str, stack: str) -> dict[str, str]:
    return {PROJECT: project, STACK: stack}


def filters(stack: str, project: str = "") -> dict[str, str | list[str] | bool]:
    """Return what a Docker client's `filters` takes to list what a stack made."""
    return {"label": [f"{PROJECT}={project}" if project else PROJECT, f"{STACK}={stack}"]}
