"""The configuration keys of a stack: the default of each, and the rule that its value must meet."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from infra.settings import ACME, DEVELOPMENT, FILES, OFF, PRODUCTION, SWARM
from infra.timeouts import LONGEST

V = TypeVar("V")
T = TypeVar("T")

LEAST_MEMORY, MOST_MEMORY = 48, 1_048_576  # megabytes; Python and the chassis need 40
MOST_CORES, MOST_PROCESSES = 1024, 1024
FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
MODES = (DEVELOPMENT, PRODUCTION, SWARM)
MOST_REPLICAS = 16
MOST_ON_A_SWARM = 999
PREFIXES = range(16, 27)  # of the subnet
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
HOST_NAME = (
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)

# The engine passes the defaults of Pulumi.yaml; these replace a wrong value, so that the checks of
# the others can go on. A test compares the two.
DEFAULTS: dict[str, Any] = {
    "mode": DEVELOPMENT,
    "replicas": 1,
    "services": {},
    "frontendPort": 80,
    "domain": "",
    "tls": OFF,
    "httpsPort": 443,
    "acmeEmail": "",
    "acmeDirectory": LETS_ENCRYPT,
    "acmeRoot": "",
    "tlsCertificate": "",
    "tlsKey": "",
    "bindAddress": "127.0.0.1",
    "imageVersion": "v1",
    "subnet": "172.31.240.0/24",
    "networkName": "deploy",
    "namePrefix": "",
    "pythonImage": "python:3.13-slim",
    "nginxImage": "nginx:1.30",
    "trustedProxies": [],
    "maintenance": [],
    "rateLimit": 0,
    "waitTimeout": 60,
    "logDriver": "json-file",
    "logOptions": {},
    "registry": "",
    "encryptNetwork": False,
    "swarmInit": False,
    "placement": [],
}
# The keys of a service in `services`.
OF_SERVICE = (
    "hostPort",
    "replicas",
    "placement",
    "env",
    "secrets",
    "memory",
    "cpus",
    "processes",
)
OF_GATEWAY = ("placement",)


@dataclass(frozen=True)
class Rule(Generic[V, T]):
    """Converts a value, or raises ValueError or TypeError; `right` says what it takes."""

    right: str
    convert: Callable[[V], T]


def set_command(key: str, value: str) -> str:
    """Return the command that sets a key, or a path within one."""
    path = "--path " if "." in key else ""
    return f"pulumi config set {path}{key} {value}"


def of_service(name: str, key: str) -> str:
    """Return the path of a service's own key."""
    return f"services.{name}.{key}"


def number_of_replicas(mode: str) -> Rule[Any, int]:
    most = MOST_ON_A_SWARM if mode == SWARM else MOST_REPLICAS
    return Rule(f"a whole number from 1 to {most}", _whole(1, most))


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def convert(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            value = int(value)  # as `pulumi config set` writes a number
        if type(value) is not int or not least <= value <= most:
            raise ValueError
        return value

    return convert


def _matching(pattern: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return convert


def _address(text: str) -> str:
    return str(ipaddress.IPv4Address(text))


def _subnet(text: str) -> ipaddress.IPv4Network:
    network = ipaddress.IPv4Network(text)
    if not network.is_private or network.prefixlen not in PREFIXES:
        raise ValueError
    return network


def _list_of(convert: Callable[[str], str]) -> Callable[[Any], tuple[str, ...]]:
    def convert_all(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError
        return tuple(convert(item.strip()) for item in value)

    return convert_all


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _text(value: object) -> str:
    """Return the text of a value; `pulumi config set --path` writes some as numbers."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float) or "\0" in str(value):
        raise ValueError
    return str(value)


def _texts(name: str) -> Callable[[Any], dict[str, str]]:
    def convert(value: object) -> dict[str, str]:
        texts = {key: _text(text) for key, text in _mapping(value).items()}
        if not all(isinstance(key, str) and re.fullmatch(name, key) for key in texts):
            raise ValueError
        return texts

    return convert


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, tuple) or len(set(value)) != len(value):
        raise ValueError
    if not all(isinstance(name, str) and re.fullmatch(FILE_NAME, name) for name in value):
        raise ValueError
    return value


def _cores(value: object) -> float:
    if isinstance(value, str):
        value = float(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= MOST_CORES
    ):
        raise ValueError
    return value


def _folders(value: object) -> dict[str, str]:
    folders = _texts(FILE_NAME)(value)
    if not all(re.fullmatch(r"(/[A-Za-z0-9._-]+)+", folder) for folder in folders.values()):
        raise ValueError
    if len(set(folders.values())) != len(folders):
        raise ValueError
    return folders


def _host_names(text: str) -> tuple[str, ...]:
    return tuple(_matching(rf"(\*\.)?{HOST_NAME}")(name) for name in text.lower().split())


def _pem(text: str) -> str:
    if text.strip() and not text.lstrip().startswith("-----BEGIN "):
        raise ValueError
    return text.strip()


def _command(value: object) -> tuple[str, ...]:
    if not isinstance(value, tuple) or not all(isinstance(word, str) for word in value):
        raise TypeError
    if any("\0" in word for word in value) or value[:1] == ("",):
        raise ValueError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


MODE = Rule(" or ".join(MODES), _matching("|".join(MODES)))
TLS = Rule("off, acme or files", _matching(f"{OFF}|{ACME}|{FILES}"))
DOMAIN = Rule(
    "host names with blanks between them, such as 'example.com www.example.com'",
    _host_names,
)
EMAIL = Rule("an e-mail address", _matching(r"([^@\s]+@[^@\s]+)?"))
DIRECTORY = Rule("the https address of an ACME directory", _matching(r"https://\S+"))
PEM = Rule("a text in PEM format, which begins with -----BEGIN", _pem)
BOOLEAN = Rule("true or false", bool)
PORT = Rule("a port: a whole number from 1 to 65535", _whole(1, 65535))
SECONDS = Rule("seconds: a whole number from 1 to 9999", _whole(1, 9999))
LOG_DRIVER = Rule(
    "a logging driver of the engine, such as json-file, local or journald",
    _matching(r"[a-z][a-z0-9./:_-]*"),
)
LOG_OPTIONS: Rule[Any, Mapping[str, str]] = Rule(
    "options of the logging driver, such as {'max-size': '50m'}", _texts(r"[a-z][a-z0-9-]*")
)
RATE = Rule(
    "requests a second: a whole number from 1 to 999999, or 0 for no limit", _whole(0, 999999)
)
ADDRESS = Rule("an IPv4 address of this machine, such as 127.0.0.1", _address)
SUBNET = Rule("a private IPv4 network of /16 to /26, such as 172.31.240.0/24", _subnet)
PROXIES = Rule(
    'a list of addresses or networks, such as ["10.0.0.0/8"]',
    _list_of(lambda text: str(ipaddress.ip_network(text))),
)
PLACEMENT = Rule(
    'a list of constraints, such as ["node.role==worker"]',
    _list_of(_matching(r"[A-Za-z0-9._-]+ *(==|!=) *[^ =]+")),
)
CLOSED = Rule(
    'a list of services, and frontend for the page, such as ["microservice1"]',
    _list_of(_matching(FILE_NAME)),
)
SERVICES: Rule[Any, Mapping[str, Any]] = Rule(
    "names of services, each with keys of their own, such as {'microservice1': {'replicas': 3}}",
    _mapping,
)
SERVICE = Rule("keys and values, such as {'replicas': 3}", _mapping)
TAG = Rule(
    "the start of an image tag: letters, digits, '_', '.' and '-', such as v1",
    _matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"),
)
NAME = Rule(
    "a name of two or more letters, digits, '_', '.' and '-', such as deploy",
    _matching(r"[A-Za-z0-9][A-Za-z0-9_.-]+"),
)
PREFIX = Rule(
    "empty, or the start of a container name, such as test-",
    _matching(r"([A-Za-z0-9][A-Za-z0-9_.-]*)?"),
)
REGISTRY = Rule(
    "a registry and a place in it, such as registry.example.com/team; http:// where it has no TLS",
    _matching(
        r"((https?://)?([a-z0-9-]+(\.[a-z0-9-]+)+|localhost|[a-z0-9-]+(?=:))(:[0-9]+)?(/[a-z0-9._-]+)*)?"
    ),
)
ENV: Rule[Any, Mapping[str, str]] = Rule(
    "names of variables with a value each, such as {'LOG_LEVEL': 'info'}; PORT, HOST, "
    "GRACEFUL_SECONDS, PING_SECONDS and STREAM_SECONDS are set already",
    _texts(r"(?!(PORT|HOST|(GRACEFUL|PING|STREAM)_SECONDS)$)[A-Za-z_][A-Za-z0-9_]*"),
)
SECRETS: Rule[Any, Mapping[str, str]] = Rule(
    "names of secrets with a value each, such as {'TOKEN': '…'}", _texts(FILE_NAME)
)
MEMORY = Rule(
    f"megabytes: a whole number from {LEAST_MEMORY} to {MOST_MEMORY}",
    _whole(LEAST_MEMORY, MOST_MEMORY),
)
CPUS: Rule[Any, float] = Rule(
    f"cores: a number up to {MOST_CORES}, such as 0.5, or 0 for a fair share", _cores
)
BODY = Rule("kilobytes: a whole number from 1 to 16384", _whole(1, 16384))
PROCESSES = Rule(
    f"processes and threads: a whole number from 8 to {MOST_PROCESSES}", _whole(8, MOST_PROCESSES)
)
IMAGE = Rule(
    "an image with a version, such as python:3.13-slim",
    _matching(r"[a-z0-9][a-z0-9._/:@-]*[a-z0-9]"),
)
# Of a row of the service table only.
TIMEOUT = Rule(f"a whole number of seconds from 1 to {LONGEST}", _whole(1, LONGEST))
STREAMS = Rule(
    f"a whole number of seconds from 1 to {LONGEST}, or 0 for a service without streams",
    _whole(0, LONGEST),
)
NAMES: Rule[Any, tuple[str, ...]] = Rule('a tuple of names, each once, such as ("TOKEN",)', _names)
VOLUMES: Rule[Any, Mapping[str, str]] = Rule(
    "names of volumes with a folder each, no two the same, such as {'files': '/data'}", _folders
)
FLAG: Rule[Any, bool] = Rule("True or False", _flag)
PATH = Rule("a path, such as '/orders'", _matching(r"/[!-~]*"))
HOST = Rule(
    "a host name, such as 'api.example.com', or '' for the stack's domain",
    _matching(rf"({HOST_NAME})?"),
)
ROUTE = Rule(
    "a path with / at both ends, such as '/api/v3/', or '' for no route",
    _matching(r"(/([A-Za-z0-9._~-]+/)*)?"),
)
HOST_PORT = Rule("a port: a whole number from 1 to 65535, or 0 for none", _whole(0, 65535))
COMMAND: Rule[Any, tuple[str, ...]] = Rule(
    'a tuple of a program and its arguments, such as ("pg_isready",), or () for none', _command
)
