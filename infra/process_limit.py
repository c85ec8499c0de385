"""The limit on a container's processes, for which the provider has no argument.

A ulimit would count per user over the whole host, so that containers stop each other.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import docker
import pulumi
import requests

from infra import engine, labels
from infra.hooks import hook

LIMIT = 64


@cache  # the engine takes a hook's name once
def limit_processes() -> pulumi.ResourceHookBinding:
    limit = hook("pids-limit", lambda args: _limit(args.new_inputs or {}))
    return pulumi.ResourceHookBinding(after_create=[limit])


def _limit(inputs: Mapping[str, Any]) -> None:
    own = {label["label"]: label["value"] for label in inputs["labels"]}
    with engine.client() as client:
        _update(client, str(inputs["name"]), int(own[labels.PIDS_LIMIT]))


def _update(client: docker.DockerClient, name: str, limit: int) -> None:
    try:
        set_limit(client, name, limit)
    except (requests.RequestException, engine.EngineError):
        # Without its limit it must not stay: a refresh finds it gone, and `up` makes it again.
        client.api.delete(f"{client.api.base_url}/containers/{name}", params={"force": True})
        raise


def set_limit(client: docker.DockerClient, container: str, limit: int) -> None:
    """Set the limit of a container that runs: the Docker SDK's own update() does not know it."""
    url = f"{client.api.base_url}/containers/{container}/update"
    client.api.post(url, json={"PidsLimit": limit}).raise_for_status()
