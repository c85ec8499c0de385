"""Run the whole program under mocks, and return what it declares."""

import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import drift, preflight, process_limit, release, releases, rollout, standby
from tests.support.configured import encoded

ROOT = Path(__file__).resolve().parents[2]
NOTHING = preflight.Inventory(
    containers=frozenset(), by_hand=frozenset(), networks={}, own_ports=frozenset()
)
OUTPUTS: dict[str, Any] = {}  # of the stack, before this run
TAGGED: dict[str, dict[str, Any]] = {}  # the engine's images by their tags
CONTAINER = "docker:index/container:Container"


class Recorder(pulumi.runtime.Mocks):
    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], dict[str, Any]] = {}

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        self.seen[args.typ, args.name] = args.inputs
        made = {"imageId": f"sha256:{args.name}", "sha256Digest": f"sha256:{args.name}"}
        return args.name, {**args.inputs, **made}

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError(args.token)

    def containers(self) -> dict[str, dict[str, Any]]:
        return {name: inputs for (typ, name), inputs in self.seen.items() if typ == CONTAINER}


def declare(**config: object) -> Recorder:
    """Run the program under mocks with this configuration."""
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="microservices", stack="unit")

    def run() -> None:
        runpy.run_path(str(ROOT / "__main__.py"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_CONFIG", encoded(config))
        # Only a real engine can register hooks; the mocks cannot.
        patch.setattr(rollout, "container_hooks", lambda: None)
        patch.setattr(rollout, "image_hooks", lambda: None)
        patch.setattr(rollout, "replica_hooks", lambda *_: None)
        patch.setattr(rollout, "take_over_hooks", lambda *_: None)
        patch.setattr(rollout, "publication_hooks", lambda *_: None)
        patch.setattr(rollout, "register_delete_hooks", lambda *_: None)
        patch.setattr(release, "_hooks", lambda: None)
        patch.setattr(process_limit, "limit_processes", lambda: None)
        patch.setattr(drift, "moved", lambda *_: False)
        patch.setattr(drift, "_containers", list)
        patch.setattr(standby, "_migrates", lambda: True)
        patch.setattr(drift, "_tagged", lambda: TAGGED)
        patch.setattr(releases, "_own_outputs", lambda: OUTPUTS)
        patch.setattr(releases, "_digest", str)
        patch.setattr(releases, "_git", lambda *_: "")
        patch.setattr(preflight, "take_inventory", lambda _: NOTHING)
        patch.setattr(preflight, "conflicts", lambda *_: [])
        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]  # as the SDK has it
    return recorder
