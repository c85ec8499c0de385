"""The table of edits: the edit, the steps in its preview, and its effect on the engine."""

import io
import json
import random
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from tests.support import base
from tests.support.contract import ask
from tests.support.deployment import Deployment
from tests.support.processes import free_ports
from topology import SERVICES

ALL = ("frontend", *(service.name for service in SERVICES))


@dataclass(frozen=True, kw_only=True)
class Edit:
    what: str
    apply: Callable[[Deployment], None]
    steps: Mapping[str, str]  # resource -> operation and changed properties
    look: Callable[[Deployment], object]
    shows: object  # what `look` returns after the update
    happens: str = ""  # text for docs/changes.md, if the steps do not suffice


def replaced(name: str, *properties: str) -> dict[str, str]:
    return {f"{name} container": " ".join(["replace", *sorted(properties)])}


def updated(name: str, *properties: str) -> dict[str, str]:
    return {f"{name} container": " ".join(["update", *sorted(properties)])}


def rebuilt(name: str, *properties: str, of_image: Iterable[str] = ("name",)) -> dict[str, str]:
    """Return the steps of a new image and its container."""
    changed = " ".join(["replace", *sorted(of_image)])
    return {f"{name} image": changed} | replaced(name, "image", "labels", *properties)


def write(path: str, old: str, new: str) -> Callable[[Deployment], None]:
    """Replace `old` everywhere in the file; if `old` is empty, append."""

    def apply(deployment: Deployment) -> None:
        file = deployment.project / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new) if old else text + new)

    return apply


def create(path: str, text: str) -> Callable[[Deployment], None]:
    def apply(deployment: Deployment) -> None:
        file = deployment.project / path
        assert not file.exists()
        file.write_text(text)

    return apply


def argument(kind: str, name: str, path: str, value: object) -> Callable[[Deployment], None]:
    """Set an argument of a resource, as an edit of its declaration would."""
    keys = [int(key) if key.isdigit() else key for key in path.split("/")]

    def apply(deployment: Deployment) -> None:
        file = deployment.project / "arguments.json"
        if not file.exists():
            file.write_text("[]")
            shutil.copy(Path(__file__).with_name("arguments.py"), deployment.project)
            write("__main__.py", "import pulumi\n", "import arguments  # noqa\nimport pulumi\n")(
                deployment
            )
        file.write_text(json.dumps([*json.loads(file.read_text()), [kind, name, keys, value]]))

    return apply


def config(key: str, value: object) -> Callable[[Deployment], None]:
    def apply(deployment: Deployment) -> None:
        deployment.config[key] = value

    return apply


def of_service(name: str, **own: object) -> Callable[[Deployment], None]:
    return lambda deployment: deployment.set_service(name, **own)


def together(*edits: Callable[[Deployment], None]) -> Callable[[Deployment], None]:
    def apply(deployment: Deployment) -> None:
        for edit in edits:
            edit(deployment)

    return apply


def walk(value: Any, path: str) -> object:  # noqa: ANN401  what the engine says
    for key in path.split("/"):
        if isinstance(value, list):
            value = value[int(key)] if int(key) < len(value) else None
        else:
            value = value and value.get(key)
    return value


def inspected(name: str, path: str) -> Callable[[Deployment], object]:
    """Return a look at one place of `docker inspect`."""
    return lambda deployment: walk(deployment.container(name).attrs, path)


def has(name: str, part: str, path: str) -> Callable[[Deployment], bool]:
    return lambda deployment: part in str(inspected(name, path)(deployment))


def ends(name: str, path: str, text: str) -> Callable[[Deployment], bool]:
    """Whether the file in the running container ends with `text`."""

    def look(deployment: Deployment) -> bool:
        output = deployment.container(name).exec_run(["tail", "-c", str(len(text)), path]).output
        return bool(output == text.encode())

    return look


def contains(name: str, path: str, text: str) -> Callable[[Deployment], bool]:
    """Whether the file in the running container has `text`."""
    return lambda d: text.encode() in d.container(name).exec_run(["cat", path]).output


def in_state(name: str, key: str) -> Callable[[Deployment], object]:
    """Return a look at a property that is only in Pulumi's state, not on the engine."""

    def look(deployment: Deployment) -> object:
        exported = deployment.pulumi("stack", "export", "--stack", deployment.stack).stdout
        resources = json.loads(exported)["deployment"]["resources"]
        found = [r for r in resources if r["urn"].endswith(f":Container::{name}")]
        return found[0]["outputs"].get(key)

    return look


def published(name: str) -> Callable[[Deployment], object]:
    """The host ports of the container."""

    def look(deployment: Deployment) -> object:
        bindings: Any = inspected(name, "HostConfig/PortBindings")(deployment)
        return [int(one["HostPort"]) for many in bindings.values() for one in many]

    return look


def of_container(  # noqa: PLR0913  a row's columns
    what: str,
    name: str,
    *,
    sets: Mapping[str, object],
    at: str,
    shows: object,
    operation: Callable[..., dict[str, str]] = replaced,
) -> Edit:
    """Return an edit of a container's arguments, which the engine shows at `at`."""
    return Edit(
        what=what,
        apply=together(*(argument("Container", name, *one) for one in sets.items())),
        steps=operation(name, *{path.partition("/")[0] for path in sets}),
        look=inspected(name, at),
        shows=shows,
    )


ONE, TWO, GATE, THREE = "microservice1", "microservice2", "frontend", "microservice3"
MEGABYTE = 1024 * 1024
INICONFIG = """\
iniconfig==2.3.1 \\
    --hash=sha256:9121e2c1fdb355232495be3194c8dfe87ccc2d5dee45947b78e68f499790d7a7
"""
OWN_DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN mkdir /site && touch /site/healthz /site/of_its_own
WORKDIR /site
USER 10001:10001
CMD ["sh", "-c", "exec python3 -m http.server ${PORT}"]
"""
SECOND = 1_000_000_000

CONTAINER_EDITS = (
    of_container(
        "health check: interval",
        TWO,
        sets={"healthcheck/interval": "1s"},
        at="Config/Healthcheck/Interval",
        shows=SECOND,
    ),
    of_container(
        "memory",
        TWO,
        sets={"memory": 160, "memorySwap": 160},
        at="HostConfig/Memory",
        shows=160 * MEGABYTE,
        operation=updated,
    ),
    of_container("CPU quota", ONE, sets={"cpuQuota": 90000}, at="HostConfig/CpuQuota", shows=90000),
    of_container("init process", ONE, sets={"init": True}, at="HostConfig/Init", shows=True),
    Edit(
        what="environment",
        apply=argument("Container", TWO, "envs/+", "EDITED=yes"),
        steps=replaced(TWO, "envs"),
        look=has(TWO, "'EDITED=yes'", "Config/Env"),
        shows=True,
    ),
    of_container(
        "tmpfs",
        TWO,
        sets={"tmpfs": {"/tmp": "size=8m"}},
        at="HostConfig/Tmpfs",
        shows={"/tmp": "size=8m"},
    ),
    Edit(
        what="read-only mount",
        apply=argument("Container", TWO, "mounts/0/readOnly", value=False),
        steps=replaced(TWO, "mounts"),
        look=has(TWO, "'RW': True", "Mounts"),
        shows=True,
    ),
    Edit(
        what="seconds to stop in",
        apply=argument("Container", TWO, "destroyGraceSeconds", 20),
        steps=updated(TWO, "destroyGraceSeconds"),
        look=in_state(
            TWO, "destroyGraceSeconds"
        ),  # the engine gets it only when it stops the container
        shows=20,
        happens="kept in the state, for when the container is stopped",
    ),
)

FILE_EDITS = (
    Edit(
        what="page",
        apply=write("frontend/index.html", "", "<!-- edited -->\n"),
        steps=replaced(GATE, "labels"),
        look=ends(GATE, "/frontend/index.html", "<!-- edited -->\n"),
        shows=True,
    ),
    Edit(
        what="nginx.conf",
        apply=write("nginx/nginx.conf", "", "# edited\n"),
        steps=rebuilt(GATE),
        look=ends(GATE, "/gateway/nginx.conf", "# edited\n"),
        shows=True,
    ),
    Edit(
        what="chassis",
        apply=write("services/chassis/log.py", "", "# edited\n"),
        steps=rebuilt(ONE) | rebuilt(TWO),
        look=ends(ONE, "/packages/chassis/log.py", "# edited\n"),
        shows=True,
    ),
    Edit(
        what="service's code",
        apply=write("services/microservice1/app.py", "", "# edited\n"),
        steps=rebuilt(ONE),
        look=ends(ONE, "/app/app.py", "# edited\n"),
        shows=True,
    ),
    Edit(
        what="requirements of the service's own",
        apply=create("services/microservice2/requirements.txt", INICONFIG),
        steps=rebuilt(TWO),
        look=contains(TWO, "/packages/iniconfig/__init__.py", "class IniConfig"),
        shows=True,
    ),
    Edit(
        what="requirements of all services",
        apply=write("services/requirements.txt", "", INICONFIG),
        steps=rebuilt(ONE) | rebuilt(TWO),
        look=contains(ONE, "/dependencies/iniconfig/__init__.py", "class IniConfig"),
        shows=True,
    ),
    Edit(
        what="Dockerfile of all services",
        apply=write("services/Dockerfile", "", "ENV EDITED=yes\n"),
        steps=rebuilt(ONE) | rebuilt(TWO),
        look=has(ONE, "EDITED=yes", "Config/Env"),
        shows=True,
    ),
)


def add_a_service(deployment: Deployment) -> None:
    """Add a copy of microservice1, as the first row of the table."""
    folder = deployment.project / "services" / THREE
    shutil.copytree(deployment.project / "services" / ONE, folder)
    write(f"services/{THREE}/app.py", ONE, THREE)(deployment)
    row = (
        f'Service(name="{THREE}", container="router_three", prefix="/api/v3/", '
        f"port=8080, host_port={free_ports(1)[0]}),"
    )
    write("topology.py", " = (\n", f" = (\n    {row}\n")(deployment)


def remove_a_service(deployment: Deployment) -> None:
    file = deployment.project / "topology.py"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if THREE not in line))
    shutil.rmtree(deployment.project / "services" / THREE)


def exists(name: str) -> Callable[[Deployment], bool]:
    def look(deployment: Deployment) -> bool:
        found = deployment.engine.containers.list(
            filters={"name": deployment.prefix + name}, ignore_removed=True
        )
        return [one.health for one in found] == ["healthy"]

    return look


def routed(path: str) -> Callable[[Deployment], bool]:
    def look(deployment: Deployment) -> bool:
        return ask(deployment.url + path)[0] == HTTPStatus.OK

    return look


GATEWAY_BLOCKS = rebuilt(GATE, of_image=("build", "name"))
# A row is added, changed and removed: each edit builds on those before.
TABLE_EDITS = (
    Edit(
        what="row added",
        apply=add_a_service,
        steps={f"{THREE} {part}": "create" for part in ("service", "image", "container")}
        | GATEWAY_BLOCKS,
        look=routed("/api/v3/say_hello"),
        shows=True,
    ),
    Edit(
        what="row: prefix",
        apply=write("topology.py", "/api/v3/", "/api/v4/"),
        steps=GATEWAY_BLOCKS,
        look=routed("/api/v4/say_hello"),
        shows=True,
    ),
    Edit(
        what="row: container name",
        apply=write("topology.py", "router_three", "router_tres"),
        steps=replaced(THREE, "hostname", "name", "networksAdvanced") | GATEWAY_BLOCKS,
        look=exists("router_tres"),
        shows=True,
    ),
    Edit(
        what="row: port",
        apply=write("topology.py", 'prefix="/api/v4/", port=8080', 'prefix="/api/v4/", port=8090'),
        steps=replaced(THREE, "envs", "healthcheck", "ports") | GATEWAY_BLOCKS,
        look=lambda d: (
            routed("/api/v4/say_hello")(d)
            and "8090" in str(d.engine.containers.get(f"{d.prefix}router_tres").ports)
        ),
        shows=True,
    ),
    Edit(
        what="row: timeout",
        apply=write("topology.py", 'prefix="/api/v4/",', 'prefix="/api/v4/", timeout=30,'),
        steps=replaced(THREE, "destroyGraceSeconds", "envs", "stopTimeout")
        | GATEWAY_BLOCKS
        | replaced(GATE, "destroyGraceSeconds", "image", "labels", "stopTimeout"),
        look=lambda d: [
            d.engine.containers.get(d.prefix + name).attrs["Config"]["StopTimeout"]
            for name in ("router_tres", "frontend")
        ],
        shows=[37, 37],
    ),
    Edit(
        what="row: calls",
        apply=write("topology.py", "timeout=30,", f'timeout=30, calls=("{TWO}",),'),
        steps=replaced(THREE, "envs", "hosts") | GATEWAY_BLOCKS,
        look=routed("/api/v4/introduce"),
        shows=True,
    ),
    Edit(
        what="Dockerfile of the service's own",
        apply=create(f"services/{THREE}/Dockerfile", OWN_DOCKERFILE),
        steps=rebuilt(THREE, "mounts", of_image=("build", "name")),  # and the image's own command
        look=routed("/api/v4/of_its_own"),
        shows=True,
    ),
    Edit(
        what="row removed",
        apply=remove_a_service,
        steps={f"{THREE} {part}": "delete" for part in ("service", "image", "container")}
        | GATEWAY_BLOCKS
        | replaced(GATE, "destroyGraceSeconds", "image", "labels", "stopTimeout"),
        look=lambda d: THREE in str(d.left()) or exists("router_tres")(d),
        shows=False,
    ),
    Edit(
        what="rows swapped",
        apply=write("topology.py", "\n)\n", "\n)[::-1]\n"),
        steps=GATEWAY_BLOCKS,  # the page shows them in the table's order
        look=lambda d: json.loads(ask(f"{d.url}/topology.json")[2])["services"][0]["name"],
        shows=TWO,
    ),
)


PORTS = free_ports(3)
SUBNET = f"10.251.{random.randint(0, 255)}.0/24"


def everywhere(step: Callable[..., dict[str, str]], *properties: str) -> dict[str, str]:
    return {resource: text for name in ALL for resource, text in step(name, *properties).items()}


def own(key: str, end: str) -> Callable[[Deployment], None]:
    """Set a key to a name that only this deployment uses."""

    def apply(deployment: Deployment) -> None:
        config(key, f"{deployment.stack}-{end}")(deployment)
        deployment.prefix = deployment.config["namePrefix"]

    return apply


def other_base(key: str, image: Callable[[], str]) -> Callable[[Deployment], None]:
    """Build a base image that differs only by a label."""

    def apply(deployment: Deployment) -> None:
        other = f"{deployment.stack}-base/{image().rpartition('/')[2]}"
        dockerfile = io.BytesIO(f"FROM {image()}\nLABEL base=other\n".encode())
        deployment.engine.images.build(fileobj=dockerfile, tag=other, rm=True)
        config(key, other)(deployment)

    return apply


def based(*names: str) -> Callable[[Deployment], object]:
    return lambda d: [d.container(name).labels.get("base") for name in names]


def of_network(path: str) -> Callable[[Deployment], object]:
    def look(deployment: Deployment) -> object:
        attributes = deployment.engine.networks.get(deployment.config["networkName"]).attrs
        return walk(attributes, path)

    return look


FROM_OTHER_BASE = ("build", "name")
NETWORK = "deploy network"
REATTACHED = everywhere(replaced)

CONFIG_EDITS = (
    Edit(
        what="frontendPort",
        apply=config("frontendPort", str(PORTS[0])),
        steps=replaced(GATE, "ports"),
        look=published(GATE),
        shows=[PORTS[0]],
    ),
    Edit(
        what="services.microservice1.hostPort",
        apply=of_service(ONE, hostPort=PORTS[1]),
        steps=replaced(ONE, "ports"),
        look=published(ONE),
        shows=[PORTS[1]],
    ),
    Edit(
        what="services.microservice2.hostPort",
        apply=of_service(TWO, hostPort=PORTS[2]),
        steps=replaced(TWO, "ports"),
        look=published(TWO),
        shows=[PORTS[2]],
    ),
    Edit(
        what="pythonImage",
        apply=other_base("pythonImage", base.python),
        steps=rebuilt(ONE, of_image=FROM_OTHER_BASE) | rebuilt(TWO, of_image=FROM_OTHER_BASE),
        look=based(ONE, TWO),
        shows=["other", "other"],
    ),
    Edit(
        what="nginxImage",
        apply=other_base("nginxImage", base.nginx),
        steps=rebuilt(GATE, of_image=FROM_OTHER_BASE),
        look=based(GATE),
        shows=["other"],
    ),
    Edit(
        what="trustedProxies",
        apply=config("trustedProxies", ["192.0.2.0/24"]),
        steps=GATEWAY_BLOCKS,
        look=contains(GATE, "/generated/upstreams.conf", "set_real_ip_from 192.0.2.0/24;"),
        shows=True,
    ),
    Edit(
        what="rateLimit",
        apply=config("rateLimit", "500"),
        steps=GATEWAY_BLOCKS,
        look=contains(GATE, "/generated/upstreams.conf", "rate=500r/s"),
        shows=True,
    ),
    Edit(
        what="maintenance",
        apply=config("maintenance", ["frontend"]),
        steps=GATEWAY_BLOCKS,
        look=contains(GATE, "/generated/hosts.conf", 'page_is_closed { default "1"; }'),
        shows=True,
    ),
    Edit(
        what="domain",
        apply=config("domain", "shop.test"),
        steps=GATEWAY_BLOCKS,
        look=contains(GATE, "/generated/locations.conf", "server_name shop.test;"),
        shows=True,
    ),
    Edit(
        what="waitTimeout",
        apply=config("waitTimeout", "61"),
        steps=everywhere(updated, "waitTimeout"),
        look=in_state(ONE, "waitTimeout"),  # not a property of the engine
        shows=61,
        happens="kept in the state, for when a container is made",
    ),
    Edit(
        what="logDriver",
        apply=config("logDriver", "local"),
        steps=everywhere(replaced, "logDriver"),
        look=has(GATE, "local", "HostConfig/LogConfig"),
        shows=True,
    ),
    Edit(
        what="logOptions",
        apply=config("logOptions", {"max-size": "5m"}),
        steps=everywhere(replaced, "logOpts"),
        look=has(TWO, "5m", "HostConfig/LogConfig"),
        shows=True,
    ),
    Edit(
        what="bindAddress",
        apply=config("bindAddress", "127.0.0.2"),
        steps=everywhere(replaced, "ports"),
        look=has(GATE, "127.0.0.2", "HostConfig/PortBindings"),
        shows=True,
    ),
    Edit(
        what="imageVersion",
        apply=config("imageVersion", "v2"),
        steps=everywhere(rebuilt),
        look=has(TWO, ":v2-", "Config/Labels"),
        shows=True,
    ),
    Edit(
        what="subnet",
        apply=config("subnet", SUBNET),
        steps={NETWORK: "replace ipamConfigs"} | REATTACHED,
        look=of_network("IPAM/Config/0/Subnet"),
        shows=SUBNET,
    ),
    Edit(
        what="networkName",
        apply=own("networkName", "edited"),
        steps={NETWORK: "replace name", f"{GATE} image": "replace build name"} | REATTACHED,
        look=has(ONE, "-edited'", "NetworkSettings/Networks"),
        shows=True,
    ),
    Edit(
        what="namePrefix",
        apply=own("namePrefix", "edited-"),
        # The container with the old name still has the address that the hash would choose.
        steps=rebuilt(GATE, "name")
        | rebuilt(ONE, "name", "networksAdvanced")
        | rebuilt(TWO, "name", "networksAdvanced"),
        look=lambda d: len(
            d.engine.containers.list(filters={"name": f"{d.stack}-edited-"}, ignore_removed=True)
        ),
        shows=3,
    ),
)

SINGLE_EDITS = (*CONTAINER_EDITS, *FILE_EDITS, *CONFIG_EDITS)
EDITS = (*SINGLE_EDITS, *TABLE_EDITS)


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A manual change on the engine, and how a preview with --refresh shows and undoes it."""

    what: str
    apply: Callable[[Deployment], None]
    steps: Mapping[str, str]
    off_network: tuple[str, ...] = ()  # these have lost their address, and may get another
    happens: str = ""


T = TypeVar("T", Edit, Drift)


def rounds(edits: Iterable[T]) -> list[list[T]]:
    """Group edits: those of different resources together, those of the same one in order."""
    found: list[list[T]] = []
    latest: dict[str, int] = {}
    for edit in edits:
        resources = {step.partition(" ")[0] for step in edit.steps}
        at = max((latest.get(resource, -1) for resource in resources), default=-1) + 1
        latest |= dict.fromkeys(resources, at)
        found += [[] for _ in range(at + 1 - len(found))]
        found[at].append(edit)
    return found


def stop(deployment: Deployment) -> None:
    deployment.stop(ONE)


def remove(deployment: Deployment) -> None:
    deployment.container(TWO).remove(force=True)


def tag_of(name: str, deployment: Deployment) -> str:
    return str(deployment.container(name).labels["microservices.image"])


def untag(deployment: Deployment) -> None:
    deployment.engine.images.remove(tag_of(GATE, deployment), force=True)


def retag(deployment: Deployment) -> None:
    name, _, tag = tag_of(ONE, deployment).partition(":")
    deployment.engine.images.get(base.nginx()).tag(name, tag)


def remove_and_retag(deployment: Deployment) -> None:
    retag(deployment)
    deployment.container(ONE).remove(force=True)


def replace_by_hand(deployment: Deployment) -> None:
    name = str(deployment.container(TWO).name)
    remove(deployment)
    network = deployment.config["networkName"]
    deployment.engine.containers.run(base.nginx(), name=name, network=network, detach=True)


def limit_by_hand(deployment: Deployment) -> None:
    deployment.container(GATE).update(mem_limit="300m", memswap_limit="300m")


def disconnect(deployment: Deployment) -> None:
    network = deployment.engine.networks.get(deployment.config["networkName"])
    network.disconnect(deployment.container(ONE))


def remove_network(deployment: Deployment) -> None:
    network = deployment.engine.networks.get(deployment.config["networkName"])
    for name in ALL:
        network.disconnect(deployment.container(name), force=True)
    network.remove()


DRIFTS = (
    Drift(what="container stopped", apply=stop, steps=replaced(ONE, "mustRun", "ports")),
    Drift(what="container removed", apply=remove, steps={f"{TWO} container": "create"}),
    Drift(
        what="image untagged",
        apply=untag,
        steps={f"{GATE} image": "create"},
    ),
    Drift(
        what="image's tag put on another",
        apply=retag,
        steps={f"{ONE} image": "replace triggers"} | replaced(ONE),
    ),
    Drift(
        what="container removed, and its image's tag put on another",
        apply=remove_and_retag,
        steps={f"{ONE} image": "replace triggers", f"{ONE} container": "create"},
    ),
    Drift(
        what="container replaced by hand",
        apply=replace_by_hand,
        steps={f"{TWO} container": "create"},
    ),
    Drift(
        what="limits changed by hand",
        apply=limit_by_hand,
        steps=updated(GATE, "memory", "memorySwap"),
    ),
    Drift(
        what="container taken off the network",
        apply=disconnect,
        steps=replaced(ONE, "ports"),
        off_network=(ONE,),
    ),
    Drift(
        what="network removed",
        apply=remove_network,
        steps={NETWORK: "create"} | everywhere(replaced, "ports"),
        off_network=ALL,
    ),
)


def readme(deployment: Deployment) -> None:
    (deployment.project / "README.md").write_text("Edited.\n")


def tests(deployment: Deployment) -> None:
    (deployment.project / "tests").mkdir()
    (deployment.project / "tests" / "test_edited.py").write_text("# edited\n")


def ignored(deployment: Deployment) -> None:
    folder = deployment.project / "services" / ONE / "__pycache__"
    folder.mkdir()
    (folder / "app.pyc").write_bytes(b"edited")


def written_again(deployment: Deployment) -> None:
    """Write the files of the folders again, in another order and with other times."""
    for folder in ("frontend", "nginx", f"services/{TWO}"):
        names = sorted((deployment.project / folder).iterdir(), reverse=True)
        contents = [(path, path.read_bytes(), path.stat().st_mode) for path in names]
        for path in names:
            path.unlink()
        for path, content, mode in contents:
            path.write_bytes(content)
            path.chmod(mode)


def another_checkout(deployment: Deployment) -> None:
    other = deployment.project.with_name("other")
    shutil.copytree(deployment.project, other, symlinks=True)
    deployment.project = other


UNSEEN = {
    "README": readme,
    "tests": tests,
    "file that .dockerignore excludes": ignored,
    "files' times and order in their folder": written_again,
    "another checkout of the same files": another_checkout,
}
