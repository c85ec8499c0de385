"""The limit on a container's processes, for which the provider has no argument.

A ulimit would count per user over the whole host, so that containers stop each other.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import docker
import pulumi
import requests

from infra import engine
from infra.hooks import hook

LABEL = "pids-limit"  # after "microservices."
LIMIT = 64


@cache  # the engine takes a hook's name once
def limit_processes() -> pulumi.ResourceHookBinding:
    limit = hook("pids-limit", lambda args: _limit(args.new_inputs or {}))
    return pulumi.ResourceHookBinding(after_create=[limit])


def _limit(inputs: Mapping[str, Any]) -> None:
    labels = {label["label"]: label["value"] for label in inputs["labels"]}
    with engine.client() as client:
        _update(client, str(inputs["name"]), int(labels[f"microservices.{LABEL}"]))


def _update(client: docker.DockerClient, name: str, limit: int) -> None:
    container = f"{client.api.base_url}/containers/{name}"
    try:
        # The Docker SDK's own update() does not know this limit.
        client.api.post(f"{container}/update", json={"PidsLimit": limit}).raise_for_status()
    except (requests.RequestException, engine.EngineError):
        # Without its limit it must not stay: a refresh finds it gone, and `up` makes it again.
        client.api.delete(container, params={"force": True})
        raise
