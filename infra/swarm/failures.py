"""Why a service of the swarm failed: its last failed task and the log of that task."""

from functools import cache
from typing import Any

import docker
import pulumi

from infra import engine
from infra.hooks import error_hook, will_pass

LINES = 20
# The swarm itself changed the service after the provider had read it, such as at the end of an
# earlier update: github.com/moby/swarmkit/issues/1379.
CHANGED_MEANWHILE = "update out of sequence"


@cache  # Pulumi refuses a second hook of the same name
def show() -> pulumi.ResourceHookBinding:
    return pulumi.ResourceHookBinding(on_error=[error_hook("last-task", retry_or_show)])


def retry_or_show(args: pulumi.ErrorHookArgs) -> bool:
    """Return whether to try again."""
    name = (args.new_inputs or {}).get("name")
    if will_pass(args, CHANGED_MEANWHILE):
        pulumi.log.info(f"the swarm has changed {name} meanwhile; trying again")
        return True
    if name and args.failed_operation != "delete":
        pulumi.log.error(f"{name} did not come up everywhere. {last_failure(name)}")
    return False


def last_failure(service: str) -> str:
    """Return why a task of the service failed last, with its last log lines."""
    try:
        with engine.client() as client:
            return _last_failure(client, service)
    except engine.EngineError as error:
        return f"Its tasks cannot be read: {error}"


def _last_failure(client: docker.DockerClient, service: str) -> str:
    api: Any = client.api  # as the SDK has it, untyped
    tasks = api.tasks({"service": service})
    failed = [task for task in tasks if task["Status"]["State"] in ("failed", "rejected")]
    if not failed:
        return "None of its tasks has failed; is there a node with room for it?"
    last = max(failed, key=lambda task: str(task["Status"]["Timestamp"]))
    lines = api.service_logs(service, stdout=True, stderr=True, details=True, tail=LINES)
    own = [line.decode(errors="replace") for line in lines if last["ID"].encode() in line]
    said = "".join(line.partition(" ")[2] for line in own).rstrip()
    log = f"Its last log lines:\n{said}" if said else "It has logged nothing."
    return f"Its last failed task: {last['Status'].get('Err', 'no reason given')}. {log}"
