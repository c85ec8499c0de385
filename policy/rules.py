"""The rules: what each is called, why it is there, where it comes from and what it is for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from policy import checks
from policy.resource import CONTAINER, IMAGE, SERVICE, Resource

OWASP = "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html"
CIS = "https://github.com/docker/docker-bench-security/blob/master/tests/5_container_runtime.sh"
DOCKER = "https://docs.docker.com"
KINDS = {CONTAINER: "Container", SERVICE: "Service", IMAGE: "RemoteImage"}


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    reason: str
    source: str
    link: str
    types: tuple[str, ...]
    check: Callable[[Resource], Iterator[str]]

    def violations(self, resource: Resource) -> Iterator[str]:
        """Yield each violation: the property, its value and what would be right."""
        if resource.type in self.types:
            yield from self.check(resource)


RUN = (CONTAINER, SERVICE)
RULES = (
    Rule(
        name="non-root",
        reason="Root in a container is root on the host once it breaks out. A number needs no user"
        " database in the image.",
        source="OWASP rule 2, CIS 4.1",
        link=f"{OWASP}#rule-2-set-a-user",
        types=RUN,
        check=checks.non_root,
    ),
    Rule(
        name="read-only",
        reason="An intruder cannot change files that cannot be written, in the container or"
        " on the host.",
        source="OWASP rule 8, CIS 5.13",
        link=f"{OWASP}#rule-8-set-filesystem-and-volumes-to-read-only",
        types=RUN,
        check=checks.read_only,
    ),
    Rule(
        name="no-capabilities",
        reason="A web service needs none of root's capabilities, not even Docker's default ones.",
        source="OWASP rule 3, CIS 5.4",
        link=f"{OWASP}#rule-3-limit-capabilities-grant-only-specific-capabilities-needed-by-a-container",
        types=RUN,
        check=checks.no_capabilities,
    ),
    Rule(
        name="no-new-privileges",
        reason="No setuid program can give a process more privileges than it started with.",
        source="OWASP rule 4, CIS 5.26",
        link=f"{OWASP}#rule-4-prevent-in-container-privilege-escalation",
        types=(CONTAINER,),
        check=checks.no_new_privileges,
    ),
    Rule(
        name="confined",
        reason="Docker's seccomp, AppArmor and SELinux profiles deny system calls and paths that a"
        " service does not need.",
        source="OWASP rule 6, CIS 5.2, 5.3, 5.22",
        link=f"{OWASP}#rule-6-use-linux-security-module-seccomp-apparmor-or-selinux-for-runtime-security",
        types=(CONTAINER,),
        check=checks.confined,
    ),
    Rule(
        name="not-privileged",
        reason="Root in a privileged container is root on the host.",
        source="CIS 5.5",
        link=CIS,
        types=(CONTAINER,),
        check=checks.not_privileged,
    ),
    Rule(
        name="memory-limit",
        reason="A container that leaks must not take the host's memory or swap.",
        source="OWASP rule 7, CIS 5.11",
        link=f"{OWASP}#rule-7-limit-resources-memory-cpu-file-descriptors-processes-restarts",
        types=RUN,
        check=checks.memory_limit,
    ),
    Rule(
        name="cpu-share",
        reason="One busy container must not starve the others. A container's share is its weight"
        " while all CPUs are busy, and no limit; a swarm service has a limit.",
        source="OWASP rule 7, CIS 5.12",
        link=f"{OWASP}#rule-7-limit-resources-memory-cpu-file-descriptors-processes-restarts",
        types=RUN,
        check=checks.cpu_share,
    ),
    Rule(
        name="process-limit",
        reason="A fork bomb must not spread beyond its container. A label holds the number, as the"
        " provider has no argument for it.",
        source="OWASP rule 7, CIS 5.29",
        link=CIS,
        types=(CONTAINER,),
        check=checks.process_limit,
    ),
    Rule(
        name="health-check",
        reason="A deployment waits until a container is healthy, so a bad version stops there.",
        source="CIS 5.27",
        link=CIS,
        types=RUN,
        check=checks.health_check,
    ),
    Rule(
        name="restarts",
        reason="`always` starts a container again with the engine, also one that was stopped;"
        " `on-failure:5`, which CIS asks for, does not.",
        source="CIS 5.15, which asks for another value",
        link=f"{DOCKER}/engine/containers/start-containers-automatically/",
        types=RUN,
        check=checks.restarts,
    ),
    Rule(
        name="no-host-namespaces",
        reason="A shared namespace gives access to the host's processes, memory, users or network.",
        source="CIS 5.10, 5.16, 5.17, 5.31",
        link=CIS,
        types=RUN,
        check=checks.no_host_namespaces,
    ),
    Rule(
        name="no-host-paths",
        reason="Access to the Docker socket is root on the host; so is access to its system folders"
        " or devices.",
        source="OWASP rule 1, CIS 5.6, 5.18, 5.32",
        link=f"{OWASP}#rule-1-do-not-expose-the-docker-daemon-socket-even-to-the-containers",
        types=RUN,
        check=checks.no_host_paths,
    ),
    Rule(
        name="published-address",
        reason="Docker bypasses the firewall and publishes at every address unless one is named. It"
        " must be the stack's `bindAddress`.",
        source="OWASP rule 5a, CIS 5.14",
        link=f"{OWASP}#rule-5a-be-careful-when-mapping-container-ports-to-the-host-with-firewalls-like-ufw",
        types=(CONTAINER,),
        check=checks.published_address,
    ),
    Rule(
        name="tagged-image",
        reason="`latest` changes from day to day, and no diff shows it.",
        source="CIS 5.28, Docker's building best practices",
        link=f"{DOCKER}/build/building/best-practices/#pin-base-image-versions",
        types=(CONTAINER, SERVICE, IMAGE),
        check=checks.tagged_image,
    ),
    Rule(
        name="content-in-tag",
        reason="Two contents never share a tag, so a preview shows each change, and a rollback"
        " names an old tag.",
        source="Docker's building best practices",
        link=f"{DOCKER}/build/building/best-practices/#pin-base-image-versions",
        types=(CONTAINER, SERVICE, IMAGE),
        check=checks.content_in_tag,
    ),
    Rule(
        name="bounded-logs",
        reason="A log on the engine's disk must not fill it. json-file keeps every line for ever.",
        source="Docker's logging documentation",
        link=f"{DOCKER}/engine/logging/drivers/json-file/",
        types=RUN,
        check=checks.bounded_logs,
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
