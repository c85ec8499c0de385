"""The limit on a container's processes (PidsLimit). The provider has no argument for it.

A ulimit is no substitute: it counts a user's processes on the whole host, so one container could
use up the limit of all.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import docker
import pulumi
import requests

from infra import engine, labels
from infra.hooks import hook


@cache  # the engine takes a hook's name once
def limit_processes() -> pulumi.ResourceHookBinding:
    limit = hook("pids-limit", lambda args: _limit(args.new_inputs or {}))
    return pulumi.ResourceHookBinding(after_create=[limit])


def _limit(inputs: Mapping[str, Any]) -> None:
    own = labels.of_inputs(inputs)
    name = str(inputs["name"])
    with engine.client() as client:
        if engine.can_limit_processes(client):
            _update(client, name, int(own[labels.PIDS_LIMIT]))
        else:
            pulumi.log.warn(
                f"{name} has no limits: the Docker engine cannot limit processes and memory"
            )


def _update(client: docker.DockerClient, name: str, limit: int) -> None:
    try:
        engine.set_process_limit(client, name, limit)
    except (requests.RequestException, engine.EngineError):
        # It must not run without its limit. The next `up --refresh` makes it again.
        client.api.delete(f"{client.api.base_url}/containers/{name}", params={"force": True})
        raise
