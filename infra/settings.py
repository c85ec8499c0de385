"""Stack configuration as one typed, frozen Settings; all that is wrong with it, at once."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TypeVar

from infra import addresses
from topology import Service

T = TypeVar("T")

DEVELOPMENT, PRODUCTION, SWARM = "development", "production", "swarm"
HTTP_PORT = 80
MOST_REPLICAS = 16
MOST_ON_A_SWARM = 999
_CONSTRAINT = re.compile(r"[A-Za-z0-9._-]+ *(==|!=) *[^ =]+")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a stack may say; Pulumi.yaml describes each key."""

    mode: str
    replicas: Mapping[Service, tuple[str, ...]]  # the names that the gateway knows them by
    frontend_port: int
    bind_address: str
    image_version: str
    subnet: ipaddress.IPv4Network
    network_name: str
    name_prefix: str
    python_image: str
    nginx_image: str
    trusted_proxies: tuple[str, ...]
    rate_limit: int  # requests a second and client address; 0 is no limit
    wait_timeout: int
    host_ports: Mapping[str, int]
    counts: Mapping[str, int]  # of each service's replicas
    registry: str
    encrypt_network: bool
    placement: Mapping[str, tuple[str, ...]]  # constraints on the nodes of a swarm
    # The containers on the stack's network now, by their full names, and their addresses.
    on_network: Mapping[str, str] = field(default_factory=dict)

    @property
    def production(self) -> bool:
        return self.mode == PRODUCTION

    @property
    def swarm(self) -> bool:
        return self.mode == SWARM

    @property
    def repository(self) -> str:
        """What an image's name begins with: the place in the registry, if there is one."""
        place = self.registry.rpartition("://")[2]
        return f"{place}/" if self.swarm and place else ""

    @property
    def subnets(self) -> tuple[ipaddress.IPv4Network, ipaddress.IPv4Network]:
        """The services' network, and the one that the gateway is published from."""
        if not self.production:
            return self.subnet, self.subnet
        inner, edge = self.subnet.subnets()
        return inner, edge

    @property
    def networks(self) -> tuple[str, ...]:
        return (
            (self.network_name, f"{self.network_name}-edge")
            if self.production
            else (self.network_name,)
        )

    @cached_property
    def addresses(self) -> dict[str, str]:
        """Every replica's fixed address, by its name. Raises ValueError if there are too few."""
        names = self._replica_names
        full = {name: self.name_prefix + name for name in names}
        held = {n: self.on_network[full[n]] for n in names if full[n] in self.on_network}
        return addresses.assign(self.subnets[0], names, held, self.on_network.values())

    def gateway_url(self, address: str = "") -> str:
        """Return where the gateway answers, at bindAddress unless an address is named."""
        port = "" if self.frontend_port == HTTP_PORT else f":{self.frontend_port}"
        return f"http://{address or self.bind_address}{port}"

    @property
    def containers(self) -> list[str]:
        """The name of every container, as the engine has it."""
        site = ["frontend-site"] if self.production else []
        return [self.name_prefix + name for name in ("frontend", *site, *self._replica_names)]

    @property
    def _replica_names(self) -> tuple[str, ...]:
        return tuple(name for names in self.replicas.values() for name in names)


class SettingsError(ValueError):
    """Every wrong value of a stack's configuration, a line each."""


DEFAULTS = {
    "mode": DEVELOPMENT,
    "replicas": "1",
    "frontendPort": "80",
    "bindAddress": "127.0.0.1",
    "imageVersion": "v1",
    "subnet": "172.31.240.0/24",
    "networkName": "deploy",
    "namePrefix": "",
    "pythonImage": "python:3.13-slim",
    "nginxImage": "nginx:1.30",
    "trustedProxies": "",
    "rateLimit": "0",
    "waitTimeout": "60",
    "registry": "",
    "placement": "",
    "encryptNetwork": "false",
    "swarmInit": "false",
}


def port_key(service: Service) -> str:
    return f"{service.name}Port"


def parse(config: Mapping[str, str], services: Iterable[Service]) -> Settings:
    """Settings from a stack's own keys, without the project's namespace.

    Raises SettingsError that names each wrong key, its value and what would be right.
    """
    services = tuple(services)
    reader = _Reader({**DEFAULTS, **{port_key(s): str(s.host_port) for s in services}}, config)
    host_ports = {s.name: reader.read(port_key(s), _port) for s in services}
    mode = reader.read("mode", _one_of(DEVELOPMENT, PRODUCTION, SWARM))
    most = MOST_ON_A_SWARM if mode == SWARM else MOST_REPLICAS
    counts = reader.read("replicas", lambda text: _replicas(text, services, most))
    settings = Settings(
        mode=mode,
        replicas={s: _names_of(s, 1 if mode == SWARM else counts[s.name]) for s in services},
        frontend_port=reader.read("frontendPort", _port),
        bind_address=reader.read("bindAddress", _address),
        image_version=reader.read("imageVersion", _tag),
        subnet=reader.read("subnet", _subnet),
        network_name=reader.read("networkName", _name),
        name_prefix=reader.read("namePrefix", _prefix),
        python_image=reader.read("pythonImage", _image),
        nginx_image=reader.read("nginxImage", _image),
        trusted_proxies=reader.read("trustedProxies", _networks),
        rate_limit=reader.read("rateLimit", _rate),
        wait_timeout=reader.read("waitTimeout", _seconds),
        host_ports=host_ports,
        counts=counts,
        registry=reader.read("registry", _registry),
        encrypt_network=reader.read("encryptNetwork", _one_of("true", "false")) == "true",
        placement=reader.read("placement", lambda text: _placement(text, services)),
    )
    reader.read("swarmInit", _one_of("true", "false"))  # `make up` acts on it
    if settings.mode == DEVELOPMENT:
        reader.check_distinct(["frontendPort", *(port_key(s) for s in services)])
    reader.errors += _contradictions(settings)
    if reader.errors:
        raise SettingsError("\n".join(reader.errors))
    return settings


def _names_of(service: Service, count: int) -> tuple[str, ...]:
    return (service.container, *(f"{service.container}_{n}" for n in range(2, count + 1)))


def _contradictions(settings: Settings) -> list[str]:
    found = []
    count = sum(map(len, settings.replicas.values()))
    if settings.mode == DEVELOPMENT and count > len(settings.replicas):
        found.append(
            "replicas: more than 1 of a service needs mode production; "
            "in development each is published at a host port of its own"
        )
    room = addresses.room(settings.subnets[0])
    if count > room:
        found.append(
            f"subnet: '{settings.subnet}' has room for {room} containers of services, "
            f"and there are {count}; set a larger network"
        )
    return found


class _Reader:
    def __init__(self, defaults: Mapping[str, str], config: Mapping[str, str]) -> None:
        self.defaults = defaults
        self.values = {**defaults, **config}
        known = ", ".join(sorted(defaults))
        self.errors = [
            f"{key}: {config[key]!r} is set, but there is no such key; the keys are {known}"
            for key in config
            if key not in defaults
        ]

    def read(self, key: str, convert: Callable[[str], T]) -> T:
        try:
            return convert(self.values[key])
        except ValueError as error:
            self.errors.append(f"{key}: {self.values[key]!r} is not right; it must be {error}")
            return convert(self.defaults[key])

    def check_distinct(self, keys: Iterable[str]) -> None:
        first: dict[str, str] = {}
        for key in keys:
            other = first.setdefault(self.values[key], key)
            if other != key:
                self.errors.append(
                    f"{key}: {self.values[key]!r} is the host port of {other} too; "
                    "each must have a port of its own"
                )


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:  # noqa: PLR2004
        raise ValueError("a port: a whole number from 1 to 65535")
    return int(text)


def _replicas(text: str, services: Iterable[Service], most: int) -> dict[str, int]:
    every, *some = [part.strip() for part in text.split(",")]
    named = {name.strip(): count.strip() for name, _, count in (p.partition("=") for p in some)}
    counts = {service.name: named.pop(service.name, every) for service in services}
    if named or not all(_is_count(count, most) for count in counts.values()):
        raise ValueError(
            f"a whole number from 1 to {most}, for single services followed by "
            f"others, such as 2,{next(iter(counts), 'name')}=3"
        )
    return {name: int(count) for name, count in counts.items()}


def _is_count(text: str, most: int) -> bool:
    return re.fullmatch(r"[0-9]{1,3}", text) is not None and 1 <= int(text) <= most


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) < 1:
        raise ValueError("seconds: a whole number from 1 to 9999")
    return int(text)


def _rate(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError("requests a second: a whole number from 1 to 999999, or 0 for no limit")
    return int(text)


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError("an IPv4 address of this machine, such as 127.0.0.1") from None


def _subnet(text: str) -> ipaddress.IPv4Network:
    message = "a private IPv4 network of /16 to /26, such as 172.31.240.0/24"
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        raise ValueError(message) from None
    if not network.is_private or not 16 <= network.prefixlen <= 26:  # noqa: PLR2004
        raise ValueError(message)
    return network


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in text.split(",") if part)
    except ValueError:
        raise ValueError("addresses or networks with commas between, such as 10.0.0.0/8") from None


def _placement(text: str, services: Iterable[Service]) -> dict[str, tuple[str, ...]]:
    every, *some = text.split(";")
    named = dict(part.strip().partition(":")[::2] for part in some)
    names = ["frontend", *(service.name for service in services)]
    found = {name: _constraints(named.pop(name, every)) for name in names}
    if named or not all(map(_CONSTRAINT.fullmatch, chain(*found.values()))):
        raise ValueError(
            "constraints with commas between, for single services followed by others after a "
            f"semicolon, such as node.role==worker;{names[-1]}:node.labels.disk==ssd"
        )
    return found


def _constraints(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _one_of(*choices: str) -> Callable[[str], str]:
    return _matching("|".join(choices), " or ".join(choices))


def _matching(pattern: str, what: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(what)
        return text

    return convert


_tag = _matching(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}",
    "the start of an image tag: letters, digits, '_', '.' and '-', such as v1",
)
_name = _matching(
    r"[A-Za-z0-9][A-Za-z0-9_.-]+",
    "a name of two or more letters, digits, '_', '.' and '-', such as deploy",
)
_prefix = _matching(
    r"([A-Za-z0-9][A-Za-z0-9_.-]*)?",
    "empty, or the start of a container name, such as test-",
)
_registry = _matching(
    r"((https?://)?([a-z0-9-]+(\.[a-z0-9-]+)+|localhost|[a-z0-9-]+(?=:))(:[0-9]+)?(/[a-z0-9._-]+)*)?",
    "a registry and a place in it, such as registry.example.com/team; http:// where it has no TLS",
)
_image = _matching(
    r"[a-z0-9][a-z0-9._/:@-]*[a-z0-9]",
    "an image with a version, such as python:3.13-slim",
)
