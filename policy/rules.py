"""What every container, image and swarm service here must be, as plain functions."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra import labels

CONTAINER = "docker:index/container:Container"
SERVICE = "docker:index/service:Service"
IMAGE = "docker:index/remoteImage:RemoteImage"
KINDS = {CONTAINER: "Container", SERVICE: "Service", IMAGE: "RemoteImage"}

OWASP = "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html"
CIS = "https://github.com/docker/docker-bench-security/blob/master/tests/5_container_runtime.sh"
DOCKER = "https://docs.docker.com"

MOST_PROCESSES = 1024
HOST_FOLDERS = [
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/run", "/sbin", "/sys"),
    *("/usr/bin", "/usr/lib", "/usr/sbin", "/var/lib/containerd", "/var/lib/docker", "/var/run"),
]
HOMES = ["/home", "/root"]


@dataclass(frozen=True)
class Resource:
    type: str
    properties: Mapping[str, Any]  # as the engine has them: camelCase
    bind_address: str = ""  # what the stack's configuration says, if it is known

    @property
    def container(self) -> Mapping[str, Any]:
        """Where the container is described: a swarm service has it further in."""
        return self.task.get("containerSpec") or {} if self.type == SERVICE else self.properties

    @property
    def task(self) -> Mapping[str, Any]:
        return self.properties.get("taskSpec") or {}

    @property
    def runs_once(self) -> bool:
        """A container whose end is waited for: there is nothing to restart, nor to ask."""
        return bool(self.properties.get("attach")) and self.properties.get("mustRun") is False

    @property
    def limits(self) -> Mapping[str, Any]:
        return (self.task.get("resources") or {}).get("limits") or {}


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    reason: str
    source: str
    link: str
    types: tuple[str, ...]
    check: Callable[[Resource], Iterator[str]]

    def violations(self, resource: Resource) -> Iterator[str]:
        """Each says the property, its value and what would be right."""
        if resource.type in self.types:
            yield from self.check(resource)


def non_root(resource: Resource) -> Iterator[str]:
    user = str(resource.container.get("user") or "")
    if not re.fullmatch(r"0*[1-9][0-9]*(:[0-9]+)?", user):
        yield f"user: {user!r} is not right; it must be a number above 0, such as 10001:10001"


def read_only(resource: Resource) -> Iterator[str]:
    if not resource.container.get("readOnly"):
        yield "readOnly: it must be true; give what is written to a tmpfs or a volume"
    for source, writable in host_paths(resource):
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
            yield f"securityOpts: {option!r} takes a profile away; it must not be set"


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
        yield f"memorySwap: {swap!r} is not right; it must be memory's {memory!r}, or it swaps"


def cpu_limit(resource: Resource) -> Iterator[str]:
    if resource.type == SERVICE:
        if not resource.limits.get("nanoCpus"):
            yield "taskSpec.resources.limits.nanoCpus: it must be set"
    elif not (resource.properties.get("cpuShares") or resource.properties.get("cpus")):
        yield "cpuShares: it must be set, such as 512; or cpus, such as '1.0'"


def process_limit(resource: Resource) -> Iterator[str]:
    if resource.runs_once:
        return  # it has ended by the time that a limit could be set
    own = {item["label"]: item["value"] for item in resource.properties.get("labels") or []}
    limit = own.get(labels.PIDS_LIMIT, "")
    if not re.fullmatch(r"[0-9]+", limit) or not 1 <= int(limit) <= MOST_PROCESSES:
        yield (
            f"labels: {labels.PIDS_LIMIT} {limit!r} is not right; "
            f"it must be a number from 1 to {MOST_PROCESSES}, and infra/process_limit.py applies it"
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
    for source, _ in host_paths(resource):
        if is_sensitive(source):
            yield f"mounts: {source!r} is the host's own; mount a folder of the project"
    for device in resource.container.get("devices") or []:
        yield f"devices: {device.get('hostPath')!r} is the host's own; it must not be there"


def host_paths(resource: Resource) -> Iterator[tuple[str, bool]]:
    """What is mounted from the host, and whether it can be written."""
    for mount in resource.container.get("mounts") or []:
        if mount.get("type") == "bind":
            yield mount.get("source") or "", not mount.get("readOnly")
    for volume in resource.container.get("volumes") or []:
        if volume.get("hostPath"):
            yield volume["hostPath"], not volume.get("readOnly")


def is_sensitive(source: str) -> bool:
    """A folder of the host's system, one in it or above it; all homes; a socket."""
    path = posixpath.normpath("/" + source.lstrip("/"))
    above = path.rstrip("/") + "/"
    inside = any(f"{path}/".startswith(f"{folder}/") for folder in HOST_FOLDERS)
    holds = any(folder.startswith(above) for folder in HOST_FOLDERS)
    return inside or holds or path in HOMES or path.endswith(".sock")


def published_address(resource: Resource) -> Iterator[str]:
    if resource.properties.get("publishAllPorts"):
        yield "publishAllPorts: it must not be true; name each port and its address"
    for port in resource.properties.get("ports") or []:
        address = port.get("ip") or "0.0.0.0"  # noqa: S104  what Docker takes for it
        if resource.bind_address and address != resource.bind_address:
            yield f"ports: {address!r} is not the stack's bindAddress, {resource.bind_address!r}"
        elif not resource.bind_address and address in ("0.0.0.0", "::"):  # noqa: S104  forbids it
            yield "ports: every address of the host is published; name one, such as 127.0.0.1"


def tagged_image(resource: Resource) -> Iterator[str]:
    for image in images(resource):
        if tag(image) in ("", "latest"):
            yield f"image: {image!r} must have a tag, and another than latest"


def content_in_tag(resource: Resource) -> Iterator[str]:
    image = image_of(resource)
    if tag(image) not in ("", "latest") and not re.search(r"(-[0-9a-f]{12}|@digest)$", tag(image)):
        yield f"image: the tag of {image!r} must end in the digest of its content: v1-0123456789ab"


def images(resource: Resource) -> Iterator[str]:
    yield image_of(resource)
    build_args = (resource.properties.get("build") or {}).get("buildArgs") or {}
    if resource.type == IMAGE and "BASE_IMAGE" in build_args:
        yield build_args["BASE_IMAGE"]


def image_of(resource: Resource) -> str:
    key = "name" if resource.type == IMAGE else "image"
    return str(resource.container.get(key) or "")


def tag(image: str) -> str:
    """The tag; @digest where the image is named by a digest, which is its content."""
    if re.search(r"(^|@)sha256:", image):
        return "@digest"
    return image.rpartition("/")[2].partition(":")[2]


def bounded_logs(resource: Resource) -> Iterator[str]:
    driver = resource.task.get("logDriver") or {}
    options = driver.get("options") if resource.type == SERVICE else None
    options = options or resource.properties.get("logOpts") or {}
    if not options.get("max-size"):
        yield "logOpts: max-size must be set, such as 10m"


RUN = (CONTAINER, SERVICE)
RULES = (
    Rule(
        name="non-root",
        reason="Root in a container is root of the host once it is out. A number needs no user"
        " database of the image.",
        source="OWASP rule 2, CIS 4.1",
        link=f"{OWASP}#rule-2-set-a-user",
        types=RUN,
        check=non_root,
    ),
    Rule(
        name="read-only",
        reason="What cannot be written cannot be changed by an intruder, in the container or on"
        " the host.",
        source="OWASP rule 8, CIS 5.13",
        link=f"{OWASP}#rule-8-set-filesystem-and-volumes-to-read-only",
        types=RUN,
        check=read_only,
    ),
    Rule(
        name="no-capabilities",
        reason="A web service needs none of root's powers, not even Docker's default ones.",
        source="OWASP rule 3, CIS 5.4",
        link=f"{OWASP}#rule-3-limit-capabilities-grant-only-specific-capabilities-needed-by-a-container",
        types=RUN,
        check=no_capabilities,
    ),
    Rule(
        name="no-new-privileges",
        reason="No setuid program can give a process more than it was started with.",
        source="OWASP rule 4, CIS 5.26",
        link=f"{OWASP}#rule-4-prevent-in-container-privilege-escalation",
        types=(CONTAINER,),
        check=no_new_privileges,
    ),
    Rule(
        name="confined",
        reason="Docker's seccomp, AppArmor and SELinux profiles keep system calls and paths away.",
        source="OWASP rule 6, CIS 5.2, 5.3, 5.22",
        link=f"{OWASP}#rule-6-use-linux-security-module-seccomp-apparmor-or-selinux-for-runtime-security",
        types=(CONTAINER,),
        check=confined,
    ),
    Rule(
        name="not-privileged",
        reason="A privileged container is the host.",
        source="CIS 5.5",
        link=CIS,
        types=(CONTAINER,),
        check=not_privileged,
    ),
    Rule(
        name="memory-limit",
        reason="One container that leaks must not take the host's memory, nor its swap.",
        source="OWASP rule 7, CIS 5.11",
        link=f"{OWASP}#rule-7-limit-resources-memory-cpu-file-descriptors-processes-restarts",
        types=RUN,
        check=memory_limit,
    ),
    Rule(
        name="cpu-limit",
        reason="One busy container must not starve the others.",
        source="OWASP rule 7, CIS 5.12",
        link=f"{OWASP}#rule-7-limit-resources-memory-cpu-file-descriptors-processes-restarts",
        types=RUN,
        check=cpu_limit,
    ),
    Rule(
        name="process-limit",
        reason="A fork bomb must end at its container. A label has the figure, as the provider has"
        " no argument for it.",
        source="OWASP rule 7, CIS 5.29",
        link=CIS,
        types=(CONTAINER,),
        check=process_limit,
    ),
    Rule(
        name="health-check",
        reason="A deployment waits for it, and a bad version stops there.",
        source="CIS 5.27",
        link=CIS,
        types=RUN,
        check=health_check,
    ),
    Rule(
        name="restarts",
        reason="Only `always` comes back after a stop and after a crash of the engine. CIS would"
        " have `on-failure:5`, which comes back after neither.",
        source="CIS 5.15, with another answer",
        link=f"{DOCKER}/engine/containers/start-containers-automatically/",
        types=RUN,
        check=restarts,
    ),
    Rule(
        name="no-host-namespaces",
        reason="A shared namespace shows the host's processes, memory, users or network.",
        source="CIS 5.10, 5.16, 5.17, 5.31",
        link=CIS,
        types=RUN,
        check=no_host_namespaces,
    ),
    Rule(
        name="no-host-paths",
        reason="The Docker socket is root on the host; so is a folder of its system, or a device.",
        source="OWASP rule 1, CIS 5.6, 5.18, 5.32",
        link=f"{OWASP}#rule-1-do-not-expose-the-docker-daemon-socket-even-to-the-containers",
        types=RUN,
        check=no_host_paths,
    ),
    Rule(
        name="published-address",
        reason="Docker publishes past the firewall, at every address unless one is named: the one"
        " that the stack's bindAddress names.",
        source="OWASP rule 5a, CIS 5.14",
        link=f"{OWASP}#rule-5a-be-careful-when-mapping-container-ports-to-the-host-with-firewalls-like-ufw",
        types=(CONTAINER,),
        check=published_address,
    ),
    Rule(
        name="tagged-image",
        reason="`latest` is another image every day, and no diff shows it.",
        source="CIS 5.28, Docker's building best practices",
        link=f"{DOCKER}/build/building/best-practices/#pin-base-image-versions",
        types=(CONTAINER, SERVICE, IMAGE),
        check=tagged_image,
    ),
    Rule(
        name="content-in-tag",
        reason="Two contents never share a tag, so a preview shows each change and a rollback is"
        " an old tag.",
        source="Docker's building best practices",
        link=f"{DOCKER}/build/building/best-practices/#pin-base-image-versions",
        types=(CONTAINER, SERVICE, IMAGE),
        check=content_in_tag,
    ),
    Rule(
        name="bounded-logs",
        reason="The json-file driver keeps every line until the disk is full.",
        source="Docker's logging documentation",
        link=f"{DOCKER}/engine/logging/drivers/json-file/",
        types=RUN,
        check=bounded_logs,
    ),
)


def table() -> str:
    """The rules as Markdown."""
    rows = [
        f"| `{rule.name}` | {rule.reason} | [{rule.source}]({rule.link}) |"
        f" {', '.join(KINDS[kind] for kind in rule.types)} |"
        for rule in RULES
    ]
    return "\n".join(["| rule | why | from | of |", "|---|---|---|---|", *rows, ""])
