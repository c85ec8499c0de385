"""Makes the Settings of a stack from its configuration; all errors are reported together."""

from collections.abc import Iterable, Iterator

from infra import addresses, admission, https, keys, table
from infra.admission import Refused
from infra.reader import Reader
from infra.settings import DEVELOPMENT, SWARM, Limits, Settings, Tls
from topology import GATEWAY, Service

IN_FILES = ("json-file", "local")  # logging drivers that write to the engine's disk
BOUNDED = {"max-size": "10m", "max-file": "3"}


def load(services: Iterable[Service], labels: dict[str, str]) -> Settings:
    """Return the stack's Settings, checked against the engine as well. Raises Refused."""
    return admission.admit(read(services), labels)


def read(services: Iterable[Service]) -> Settings:
    """Return the Settings of the stack's keys.

    Raises Refused, with each wrong key, its value and what would be right.
    """
    services = tuple(services)
    if wrong := table.wrong(services):
        raise Refused(wrong)
    reader = Reader([service.name for service in services])
    mode = reader.text("mode", keys.MODE)
    number = keys.number_of_replicas(mode)
    every_count = reader.integer("replicas", number)
    counts = {
        s.name: reader.of(s.name, "replicas", number, 1 if s.volumes else every_count)
        for s in services
    }
    every = reader.structure("placement", keys.PLACEMENT)
    log_driver = reader.text("logDriver", keys.LOG_DRIVER)
    log_options = reader.structure("logOptions", keys.LOG_OPTIONS)
    own_env = reader.of_each("env", keys.ENV, {})
    settings = Settings(
        mode=mode,
        replicas={s: _names_of(s, 1 if mode == SWARM else counts[s.name]) for s in services},
        counts=counts,
        host_ports={
            s.name: reader.of(s.name, "hostPort", keys.PORT, s.host_port) for s in services
        },
        frontend_port=reader.integer("frontendPort", keys.PORT),
        https_port=reader.integer("httpsPort", keys.PORT),
        domain=reader.text("domain", keys.DOMAIN),
        tls=_tls(reader),
        bind_address=reader.text("bindAddress", keys.ADDRESS),
        image_version=reader.text("imageVersion", keys.TAG),
        subnet=reader.text("subnet", keys.SUBNET),
        network_name=reader.text("networkName", keys.NAME),
        name_prefix=reader.text("namePrefix", keys.PREFIX),
        python_image=reader.text("pythonImage", keys.IMAGE),
        nginx_image=reader.text("nginxImage", keys.IMAGE),
        trusted_proxies=reader.structure("trustedProxies", keys.PROXIES),
        maintenance=reader.structure("maintenance", keys.CLOSED),
        rate_limit=reader.integer("rateLimit", keys.RATE),
        wait_timeout=reader.integer("waitTimeout", keys.SECONDS),
        log_driver=log_driver,
        log_options=log_options or (BOUNDED if log_driver in IN_FILES else {}),
        registry=reader.text("registry", keys.REGISTRY),
        encrypt_network=reader.boolean("encryptNetwork"),
        placement={
            GATEWAY: reader.of(GATEWAY, "placement", keys.PLACEMENT, every),
            **reader.of_each("placement", keys.PLACEMENT, every),
        },
        limits={s.name: _limits(s, reader) for s in services},
        env={s.name: {**s.env, **own_env[s.name]} for s in services},
        secrets=reader.of_each("secrets", keys.SECRETS, {}),
    )
    reader.boolean("swarmInit")  # `make up` acts on it
    reader.errors += _contradictions(settings, reader)
    if reader.errors:
        raise Refused(reader.errors)
    return settings


def _names_of(service: Service, count: int) -> tuple[str, ...]:
    return (service.container, *(f"{service.container}_{n}" for n in range(2, count + 1)))


def _limits(service: Service, reader: Reader) -> Limits:
    return Limits(
        memory=reader.of(service.name, "memory", keys.MEMORY, service.memory),
        cpus=reader.of(service.name, "cpus", keys.CPUS, service.cpus),
        processes=reader.of(service.name, "processes", keys.PROCESSES, service.processes),
    )


def _tls(reader: Reader) -> Tls:
    return Tls(
        source=reader.text("tls", keys.TLS),
        email=reader.text("acmeEmail", keys.EMAIL),
        directory=reader.text("acmeDirectory", keys.DIRECTORY),
        root=reader.text("acmeRoot", keys.PEM),
        certificate=reader.text("tlsCertificate", keys.PEM),
        key=reader.text("tlsKey", keys.PEM),
    )


def _contradictions(settings: Settings, reader: Reader) -> Iterator[str]:
    yield from _secrets(settings, reader)
    yield from https.wrong(settings, reader)
    yield from _closed(settings)
    yield from _releases(settings)
    yield from _replicas_of_a_volume(settings)
    if settings.log_driver in IN_FILES and "max-size" not in settings.log_options:
        yield (
            f"logOptions: {reader.shown('logOptions', settings.log_options)} has no max-size, "
            "without which logs fill the disk; set one, such as "
            + keys.set_command("logOptions.max-size", "50m")
        )
    yield from _shared_ports(settings, reader)
    if settings.mode == DEVELOPMENT:
        yield from _needless_replicas(settings, reader)
    count = sum(map(len, settings.replicas.values()))
    room = addresses.room(settings.subnets[0])
    if count > room:
        yield (
            f"subnet: {reader.shown('subnet', str(settings.subnet))} has room for {room} "
            f"containers of services, and there are {count}; set a larger network"
        )


def _secrets(settings: Settings, reader: Reader) -> Iterator[str]:
    for service in settings.replicas:
        given = settings.secrets[service.name]
        path = keys.of_service(service.name, "secrets")
        for name in service.secrets:
            command = f"pulumi config set --secret --path {path}.{name}"
            if not given.get(name):
                yield f"{path}.{name}: it has no value; {command} asks for it"
            elif not reader.is_secret("services"):
                yield f"{path}.{name}: it is stored as plain text; {command} encrypts it"
        for name in sorted(given.keys() - set(service.secrets)):
            yield (
                f"{path}.{name}: topology.py names no such secret; add it to the row's secrets, or "
                f"pulumi config rm --path {path}.{name}"
            )


def _closed(settings: Settings) -> Iterator[str]:
    there = [GATEWAY, *(service.name for service in settings.replicas)]
    for name in settings.maintenance:
        if name not in there:
            yield f"maintenance: {name!r} is no service; there are {', '.join(there)}"


def _releases(settings: Settings) -> Iterator[str]:
    if settings.mode == SWARM:
        for name in settings.releases:
            yield f"topology.py: {name!r} has a release_command; a swarm runs none, so take it out"


def _replicas_of_a_volume(settings: Settings) -> Iterator[str]:
    for service in settings.replicas:
        count = settings.counts[service.name]
        if service.volumes and count > 1:
            yield (
                f"{keys.of_service(service.name, 'replicas')}: {count} is not right; it must be 1, "
                "as two containers must not write to one volume"
            )
        if service.volumes and settings.registry and not settings.placement[service.name]:
            yield (
                f"{keys.of_service(service.name, 'placement')}: a volume is on one node, and no "
                "node is named; "
                + keys.set_command(
                    f"'{keys.of_service(service.name, 'placement')}[0]'", "node.hostname==NAME"
                )
            )


def _shared_ports(settings: Settings, reader: Reader) -> Iterator[str]:
    published = settings.host_ports if settings.mode == DEVELOPMENT else {}
    own = {keys.of_service(name, "hostPort"): port for name, port in published.items()}
    first: dict[int, str] = {}
    for path, port in {**settings.published, **own}.items():
        if not port:
            continue
        other = first.setdefault(port, path)
        if other != path:
            yield (
                f"{path}: {reader.shown(path, port)} is the host port of {other} too; "
                "each must have a port of its own"
            )


def _needless_replicas(settings: Settings, reader: Reader) -> Iterator[str]:
    wrong = {
        keys.of_service(name, "replicas") if reader.has(name, "replicas") else "replicas"
        for name, count in settings.counts.items()
        if count > 1
    }
    for path in sorted(wrong):
        yield (
            f"{path}: more than 1 of a service needs mode production; "
            "in development each is published at a host port of its own"
        )
