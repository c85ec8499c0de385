"""One function a rule: it yields what is wrong with a resource, and what would be right."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from infra import keys, labels
from policy.resource import DIGEST, SERVICE, Resource, tag

SYSTEM_FOLDERS = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/run", "/sbin", "/sys"),
    *("/usr/bin", "/usr/lib", "/usr/sbin", "/var/lib/containerd", "/var/lib/docker", "/var/run"),
)
HOMES = ("/home", "/root")


def non_root(resource: Resource) -> Iterator[str]:
    user = str(resource.container.get("user") or "")
    if not re.fullmatch(r"0*[1-9][0-9]*(:[0-9]+)?", user):
        yield f"user: {user!r} is not right; it must be a number above 0, such as 10001:10001"


def read_only(resource: Resource) -> Iterator[str]:
    if not resource.container.get("readOnly") and not resource.never_runs:
        yield "readOnly: it must be true; mount a tmpfs or a volume where the container writes"
    for source, writable in resource.host_paths():
        if writable:
            yield f"mounts: {source!r} of the host is writable; it must be readOnly"


def no_capabilities(resource: Resource) -> Iterator[str]:
    container = resource.container
    if resource.type == SERVICE:
        adds, drops = container.get("capAdds"), container.get("capDrops")
    else:
        capabilities = container.get("capabilities") or {}
        adds, drops = capabilities.get("adds"), capabilities.get("drops")
    if adds:
        yield f"capabilities: {list(adds)} are added; none may be"
    if "ALL" not in (drops or []):
        yield f"capabilities: {list(drops or [])} are dropped; it must be ['ALL']"


def no_new_privileges(resource: Resource) -> Iterator[str]:
    options = list(resource.container.get("securityOpts") or [])
    if not {"no-new-privileges", "no-new-privileges:true"} & set(options):
        yield f"securityOpts: {options} must have 'no-new-privileges:true'"


def confined(resource: Resource) -> Iterator[str]:
    for option in resource.container.get("securityOpts") or []:
        if re.search(r"unconfined|(systempaths|label)[=:]", option):
            yield f"securityOpts: {option!r} turns a security profile off; remove it"


def not_privileged(resource: Resource) -> Iterator[str]:
    if resource.container.get("privileged"):
        yield "privileged: it must not be true"


def memory_limit(resource: Resource) -> Iterator[str]:
    if resource.type == SERVICE:
        if not resource.limits.get("memoryBytes"):
            yield "taskSpec.resources.limits.memoryBytes: it must be set"
        return
    memory, swap = resource.properties.get("memory"), resource.properties.get("memorySwap")
    if not memory:
        yield "memory: it must be set, in megabytes, such as 128"
    elif swap != memory:
        yield f"memorySwap: {swap!r} is not right; it must be {memory!r} as memory, so none is used"


def cpu_share(resource: Resource) -> Iterator[str]:
    if resource.type == SERVICE:
        if not resource.limits.get("nanoCpus"):
            yield "taskSpec.resources.limits.nanoCpus: it must be set"
    elif not (resource.properties.get("cpuShares") or resource.properties.get("cpus")):
        yield "cpuShares: it must be set, such as 512; or cpus, such as '1.0'"


def process_limit(resource: Resource) -> Iterator[str]:
    if resource.runs_once:
        return  # it ends before the hook could set a limit
    limit = labels.of_inputs(resource.properties).get(labels.PIDS_LIMIT, "")
    if not re.fullmatch(r"[0-9]+", limit) or not 1 <= int(limit) <= keys.MOST_PROCESSES:
        yield (
            f"labels: {labels.PIDS_LIMIT} {limit!r} is not right; "
            f"it must be a number from 1 to {keys.MOST_PROCESSES}, "
            "and infra/process_limit.py applies it"
        )


def health_check(resource: Resource) -> Iterator[str]:
    tests = list((resource.container.get("healthcheck") or {}).get("tests") or [])
    if not resource.runs_once and (not tests or tests[0] == "NONE"):
        yield f"healthcheck.tests: {tests} is not right; it must be a command"


def restarts(resource: Resource) -> Iterator[str]:
    if resource.type == SERVICE:
        condition = (resource.task.get("restartPolicy") or {}).get("condition") or "any"
        if condition != "any":
            yield f"taskSpec.restartPolicy.condition: {condition!r} is not right; it must be 'any'"
        return
    restart, right = resource.properties.get("restart"), "no" if resource.runs_once else "always"
    if restart != right:
        yield f"restart: {restart!r} is not right; it must be {right!r}"


def no_host_namespaces(resource: Resource) -> Iterator[str]:
    for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode"):
        if resource.properties.get(key) == "host":
            yield f"{key}: it must not be 'host'"
    attached = resource.properties.get("networksAdvanced") or []
    for network in [*attached, *(resource.task.get("networksAdvanceds") or [])]:
        if "host" in (network.get("name"), network.get("id")):
            yield "networksAdvanced: a container must not be on the host's network"


def no_host_paths(resource: Resource) -> Iterator[str]:
    for source, _ in resource.host_paths():
        if is_sensitive(source):
            yield f"mounts: {source!r} belongs to the host's system; mount a folder of the project"
    for device in resource.container.get("devices") or []:
        yield f"devices: {device.get('hostPath')!r} is a device of the host; remove it"


def is_sensitive(source: str) -> bool:
    """Return whether it is a system folder, in one or above one, holds homes, or is a socket."""
    path = PurePosixPath(posixpath.normpath("/" + source.lstrip("/")))
    related = any(
        path.is_relative_to(folder) or PurePosixPath(folder).is_relative_to(path)
        for folder in SYSTEM_FOLDERS
    )
    return related or str(path) in HOMES or path.name.endswith(".sock")


def published_address(resource: Resource) -> Iterator[str]:
    if resource.properties.get("publishAllPorts"):
        yield "publishAllPorts: it must not be true; name each port and its address"
    right = resource.bind_address
    for port in resource.properties.get("ports") or []:
        address = port.get("ip")
        if not address:
            yield f"ports: no address is named, so all are published; name {right or '127.0.0.1'}"
        elif right and address != right:
            yield f"ports: {address!r} is not the stack's bindAddress, {right!r}"
        elif not right and address in ("0.0.0.0", "::"):  # noqa: S104  forbids it
            yield f"ports: {address!r} is every address of the host; name one, such as 127.0.0.1"


def tagged_image(resource: Resource) -> Iterator[str]:
    for image in resource.images:
        if tag(image) in ("", "latest"):
            yield f"image: {image!r} must have a tag, and another than latest"


def content_in_tag(resource: Resource) -> Iterator[str]:
    named = tag(resource.image)
    if named not in ("", "latest", DIGEST) and not re.search(r"-[0-9a-f]{12}$", named):
        yield f"image: the tag of {resource.image!r} must end in a digest, as v1-0123456789ab does"


def bounded_logs(resource: Resource) -> Iterator[str]:
    driver = resource.task.get("logDriver") or {}
    name = driver.get("name") or resource.properties.get("logDriver")
    if name not in (None, "json-file", "local"):
        return  # it does not write to the engine's disk
    options = driver.get("options") if resource.type == SERVICE else None
    options = options or resource.properties.get("logOpts") or {}
    if not options.get("max-size"):
        yield "logOpts: max-size must be set, such as 10m"
