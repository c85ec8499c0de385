"""The service table: one row a service. Everything that knows the services reads it here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

GATEWAY = "frontend"  # nginx: its container and its image
NGINX = "frontend-nginx"  # production only: the nginx that serves in the gateway's network
PUBLISHER = "frontend-site"  # production only: the container that fills the gateway's volume
CERTIFIER = "frontend-certificates"  # with tls `acme` only: the container that asks the CA


@dataclass(frozen=True, kw_only=True)
class Service:
    name: str  # its folder under services/, and its image
    container: str  # the name that the gateway routes to
    prefix: str  # what the gateway serves it under, and takes off the path; "": it has no route
    port: int  # where it listens in its container
    host_port: int  # where development publishes it, unless the stack says otherwise; 0: nowhere
    host: str = ""  # the host name that it is served under; "": the stack's domain
    call: str = "/"  # the path that its button on the page calls, and is named after
    timeout: int = 5  # seconds that the gateway waits for its answer
    streams: int = 0  # seconds that an update waits for its open streams; 0: it has none
    env: Mapping[str, str] = field(default_factory=dict, hash=False)  # its environment
    secrets: tuple[str, ...] = ()  # files in /run/secrets; the stack's configuration has the values
    volumes: Mapping[str, str] = field(default_factory=dict, hash=False)  # name -> mounted at
    egress: bool = False  # whether it reaches the world outside also in production
    memory: int = 128  # megabytes that one of its containers may use
    cpus: float = 0  # cores that one may use; 0 is a fair share of all
    processes: int = 64  # processes and threads that one may have
    max_body: int = 64  # kilobytes of a request's body
    calls: tuple[str, ...] = ()  # names of the services that it calls
    chain: str = ""  # a path that makes these calls, for a button of its own
    health: tuple[str, ...] = ()  # a command that checks it, instead of asking for /healthz
    depends_on: tuple[str, ...] = ()  # rows above whose containers must be healthy first
    release_command: tuple[str, ...] = ()  # must succeed before an update replaces its containers


SERVICES: tuple[Service, ...] = (
    Service(
        name="microservice1",
        container="router_one",
        prefix="/api/v1/",
        port=8080,
        host_port=8080,
        call="/say_hello",
        calls=("microservice2",),
        chain="/introduce",
    ),
    Service(
        name="microservice2",
        container="router_two",
        prefix="/api/v2/",
        port=8080,
        host_port=8081,
        call="/who_am_i",
    ),
)
