"""Whether a stack is as the last `make up` left it: its state, and what the engine has of it.

A refresh would find nothing then. It takes two seconds for the network alone.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

import docker

from infra.engine import EngineError, client
from tools.recover import backend, state
from tools.setup import paths
from tools.setup.errors import Problem

Resource = Mapping[str, Any]
Seen = Mapping[str, Any]


class UnknownError(Exception):
    """It cannot be told without a refresh."""


class Untouched:
    """Compares a stack with what was noted of it after the last `make up`."""

    def __init__(self, name: str) -> None:
        self._stack = backend.find(name)
        self._note = paths.cache() / "untouched" / f"{self._stack.project}.{self._stack.name}"

    def holds(self) -> bool:
        """Return whether the stack is still as it was noted.

        This deletes the note, so that only a run that succeeds leaves one.
        """
        try:
            noted = self._note.read_text()
            self._note.unlink()
        except OSError:  # there is none, or no folder for it
            return False
        return bool(noted) and noted == _digest(self._stack)

    def note(self) -> None:
        """Note how the stack is now.

        Raises OSError if that cannot be written; the next `make up` then refreshes the state.
        """
        if digest := _digest(self._stack):
            self._note.parent.mkdir(parents=True, exist_ok=True)
            self._note.write_text(digest)


def _digest(stack: backend.Stack) -> str:
    """Return the digest of the stack, or "" where only a refresh can tell what there is."""
    try:
        current = state.load(stack)
        if not current or current.pending:
            return ""
        declared = [one for one in current.resources if one.get("id") and one.get("custom")]
        with client() as engine:
            seen = [_seen(engine.api, one) for one in declared]
    except (UnknownError, EngineError, docker.errors.APIError, Problem, OSError, ValueError):
        return ""
    text = json.dumps([current.resources, seen], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _seen(api: docker.APIClient, resource: Resource) -> Seen:
    kind = resource["type"].rpartition(":")[2]
    look = KINDS.get(kind)
    if not look:
        raise UnknownError(kind)
    return look(api, resource)


def _container(api: docker.APIClient, resource: Resource) -> Seen:
    found: dict[str, Any] = api.inspect_container(resource["id"])
    now = found.pop("State")
    found.pop("ExecIDs", None)  # of the health check
    if not now["Running"] and now["ExitCode"]:
        raise UnknownError(f"{found['Name']} does not run")
    found["Mounts"].sort(key=itemgetter("Destination"))  # the engine's own order changes
    return {**found, "Running": now["Running"]}


def _image(api: docker.APIClient, resource: Resource) -> Seen:
    found = api.inspect_image(resource["outputs"]["imageId"])  # type: ignore[no-untyped-call]
    return {key: found[key] for key in ("Id", "RepoTags")}


def _network(api: docker.APIClient, resource: Resource) -> Seen:
    found: dict[str, Any] = api.inspect_network(resource["id"])
    return {"Id": found["Id"]}  # nothing can change it but its removal


def _volume(api: docker.APIClient, resource: Resource) -> Seen:
    return dict(api.inspect_volume(resource["id"]))


def _service(api: docker.APIClient, resource: Resource) -> Seen:
    return dict(api.inspect_service(resource["id"])["Version"])  # type: ignore[no-untyped-call]


def _secret(api: docker.APIClient, resource: Resource) -> Seen:
    return dict(api.inspect_secret(resource["id"])["Version"])


def _provider(_api: docker.APIClient, _resource: Resource) -> Seen:
    return {}


KINDS: Mapping[str, Callable[[docker.APIClient, Resource], Seen]] = {
    "Container": _container,
    "RemoteImage": _image,
    "Network": _network,
    "Volume": _volume,
    "Service": _service,
    "Secret": _secret,
    "docker": _provider,
}
