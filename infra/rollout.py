"""Hooks around the containers of an update: drain, restore, publish, and why one failed."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import docker
import pulumi
from docker.models.containers import Container

from infra import build_log, engine, labels, timeouts
from infra.hooks import SECONDS, error_hook, hook, will_pass
from infra.settings import Settings
from infra.stack import own_labels
from topology import GATEWAY, NGINX, Service

LINES = 20
LIVE_WITHIN = 30.0
# With a containerd image store the engine fails to list images while it removes one of them.
NOT_LISTED = "unable to list Docker images"


@cache  # Pulumi refuses a second hook of the same name
def container_hooks() -> pulumi.ResourceHookBinding:
    return pulumi.ResourceHookBinding(
        before_create=[hook("make-room", _make_room)],
        on_error=[error_hook("last-log-lines", _show)],
    )


@cache
def image_hooks() -> pulumi.ResourceHookBinding:
    return pulumi.ResourceHookBinding(
        on_error=[error_hook("build-log", retry_or_show_build, build_log.SECONDS)]
    )


def replica_hooks(service: Service, settings: Settings) -> pulumi.ResourceHookBinding:
    """Return the hooks of a replica. In production the gateway drains it before it is stopped."""
    is_drained = settings.production and service in settings.served
    return _drain_hooks(settings.name_prefix) if is_drained else container_hooks()


def register_delete_hooks(prefix: str) -> None:
    """Register the hooks that `pulumi destroy` calls, by their names in the state."""
    _drain_hooks(prefix)
    take_over_hooks(prefix)
    image_hooks()


@cache
def _drain_hooks(prefix: str) -> pulumi.ResourceHookBinding:
    def drain(args: pulumi.ResourceHookArgs) -> None:
        drain_replica(prefix, args.old_inputs or {})

    def seconds(args: pulumi.ResourceHookArgs) -> float:
        return drain_limit(args.old_inputs or {})

    def restore(args: pulumi.ResourceHookArgs) -> None:
        tell_gateway(prefix, "restore", (args.new_inputs or {})["name"])

    return pulumi.ResourceHookBinding(
        before_delete=[hook("drain", drain, seconds)],
        after_create=[hook("restore", restore)],
        before_create=container_hooks().before_create,
        on_error=container_hooks().on_error,
    )


@cache
def take_over_hooks(prefix: str) -> pulumi.ResourceHookBinding:
    """Return the hooks of the nginx that serves: the one on standby takes over before it stops."""

    def take_over(args: pulumi.ResourceHookArgs) -> None:
        _asked_until(
            (f"{prefix}{GATEWAY}",), "take-over", lambda _: True, f"take over from {args.name}"
        )

    def make_room(args: pulumi.ResourceHookArgs) -> None:
        inputs = args.new_inputs or {}
        with engine.client() as client:
            left = _find(client, inputs["name"])
            if left and left.status == "running":  # a run was killed after it had created it
                take_over(args)
                left.stop(timeout=int(inputs["destroyGraceSeconds"]))
        _make_room(args)

    return pulumi.ResourceHookBinding(
        before_delete=[hook("take-over", take_over)],
        before_create=[hook("make-room-beside-standby", make_room)],
        on_error=container_hooks().on_error,
    )


@cache
def publication_hooks(prefix: str) -> pulumi.ResourceHookBinding:
    """Return the hooks of a publication. It fails unless the gateway serves what was published."""

    def check(args: pulumi.ResourceHookArgs) -> None:
        _check_publication(prefix, (args.new_outputs or {})["name"])

    return pulumi.ResourceHookBinding(after_create=[hook("published", check)])


def _check_publication(prefix: str, name: str) -> None:
    publisher = check_ended(name, f"{name} did not publish the page and the configuration.")
    version = str(publisher.labels[labels.VERSION])
    whichever_serves = (f"{prefix}{NGINX}", f"{prefix}{GATEWAY}")
    _asked_until(whichever_serves, "version", lambda said: said == version, f"serve {name}")


def check_ended(name: str, otherwise: str) -> Container:
    """Return a container that has run once. If it failed, remove it and raise RuntimeError."""
    with engine.client() as client:
        container = client.containers.get(name)
        if container.attrs["State"]["ExitCode"] != 0:
            said = last_lines(name)
            container.remove()  # so that the next update runs it again
            raise RuntimeError(f"{otherwise} {said}")
        return container


def drain_limit(inputs: Mapping[str, Any]) -> float:
    """Return the limit of a drain that begins again, because the gateway died in the first one."""
    return max(SECONDS, 2 * timeouts.drained(*_waits(inputs)))


def drain_replica(prefix: str, inputs: Mapping[str, Any]) -> None:
    """Drain the container of these inputs, for as long as its requests may take."""
    waits = _waits(inputs)
    more = str(timeouts.drain(*waits))
    say = pulumi.log.info if labels.streams_of(inputs) else pulumi.log.warn
    within = timeouts.drained(*waits)
    tell_gateway(prefix, "drain", inputs["name"], more, within=within, say=say)


def _waits(inputs: Mapping[str, Any]) -> tuple[int, int]:
    """Return the seconds that the container of these inputs needs to stop, and for its streams."""
    return int(inputs["destroyGraceSeconds"]), labels.streams_of(inputs)


def tell_gateway(
    prefix: str,
    command: str,
    container: str,
    *more: str,
    within: float = LIVE_WITHIN,
    say: Callable[[str], None] = pulumi.log.warn,
) -> None:
    """Run `gateway COMMAND REPLICA` in the gateway's container, and show what it says."""
    what = f"{command} {container.removeprefix(prefix)}"
    gateway = f"{prefix}{GATEWAY}"
    said = _asked_until((gateway,), " ".join([what, *more]), lambda _: True, what, within)
    if said:
        say(f"{gateway}: {said}")


def _asked_until(
    names: Sequence[str],
    command: str,
    is_done: Callable[[str], bool],
    what: str,
    within: float = LIVE_WITHIN,
) -> str:
    """Run a command of the gateway's script until `is_done`, also while the gateway restarts.

    A gateway that is missing or stopped routes nothing and is not asked. Raises
    RuntimeError after `within` seconds.
    """
    deadline = time.monotonic() + within
    with engine.client() as client:
        while gateway := _first_running(client, names):
            if gateway.status == "exited":
                pulumi.log.warn(f"{gateway.name} is stopped, so it does not {what}.")
                return ""
            failure = ""
            try:
                said = engine.execute(gateway, "gateway", *command.split(), seconds=within)
            except docker.errors.DockerException as error:  # it may be restarting
                failure = f"{error}. "
            else:
                if is_done(said):
                    return said
            if time.monotonic() > deadline:
                log = last_lines(str(gateway.name))
                raise RuntimeError(f"{gateway.name} does not {what}. {failure}{log}")
            time.sleep(0.2)
    return ""


def _first_running(client: docker.DockerClient, names: Iterable[str]) -> Container | None:
    """Return the first of these that runs; otherwise the first that there is."""
    found = [container for name in names if (container := _find(client, name))]
    return next((one for one in found if one.status == "running"), found[0] if found else None)


def _find(client: docker.DockerClient, name: str) -> Container | None:
    try:
        return client.containers.get(name)
    except docker.errors.NotFound:
        return None


def _make_room(args: pulumi.ResourceHookArgs) -> None:
    """Remove a container that has the new one's name and is not in the state.

    Only one on the stack's network, or one of this stack that a crash left before it was started.
    """
    inputs = args.new_inputs or {}
    with engine.client() as client:
        if found := _find(client, inputs["name"]):
            _remove_stray(found, inputs)


def _remove_stray(found: Container, inputs: Mapping[str, Any]) -> None:
    networks = {network["name"] for network in inputs.get("networksAdvanced") or ()}
    attached = networks & set(found.attrs["NetworkSettings"]["Networks"])
    is_left = found.status == "created" or not networks
    if attached or (is_left and _is_ours(found)):
        pulumi.log.warn(f"{found.name} is removed: a new container needs its name.")
        found.remove(force=True)


def _is_ours(container: Container) -> bool:
    return own_labels().items() <= container.labels.items()


def _show(args: pulumi.ErrorHookArgs) -> None:
    inputs = args.new_inputs or {}
    name = inputs.get("name")
    if name and args.failed_operation == "create":
        pulumi.log.error(f"{name} did not become healthy. {last_lines(name)}")


def retry_or_show_build(args: pulumi.ErrorHookArgs) -> bool:
    """Return whether to try again."""
    if will_pass(args, NOT_LISTED):
        pulumi.log.info(f"the engine removed another image than {args.name}; trying again")
        return True
    build = (args.new_inputs or {}).get("build")
    if build and args.failed_operation == "create":
        lines = build_log.of(build).rstrip().splitlines()[-LINES:]
        pulumi.log.error("\n".join([f"{args.name} could not be built:", *lines]))
    return False


def last_lines(name: str) -> str:
    """Return the container's last log lines with a heading, or why there are none."""
    try:
        with engine.client() as client:
            container = client.containers.get(name)
            text = container.logs(tail=LINES).decode(errors="replace").rstrip()
    except engine.EngineError as error:
        return f"Its log cannot be read: {error}"
    return f"Its last log lines:\n{text}" if text else "It has logged nothing."
