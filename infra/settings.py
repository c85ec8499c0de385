"""The checked configuration of a stack, as one frozen object."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from infra import addresses
from topology import CERTIFIER, GATEWAY, NGINX, PUBLISHER, Service

DEVELOPMENT, PRODUCTION, SWARM = "development", "production", "swarm"
OFF, ACME, FILES = "off", "acme", "files"  # where the gateway's certificate comes from
HTTP_PORT, HTTPS_PORT = 80, 443
EDGE = "-edge"  # after the name of the network, in production


class Limits(NamedTuple):
    """What one container may use."""

    memory: int  # megabytes
    cpus: float = 0  # cores; 0 is a fair share of all
    processes: int = Service.processes


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Where the gateway's certificate comes from, and what is needed for it."""

    source: str = OFF
    email: str = ""  # of the account at the CA
    directory: str = ""  # the CA's address
    root: str = ""  # PEM: the certificate of a CA of one's own
    certificate: str = ""  # PEM, with its issuers
    key: str = field(default="", repr=False)  # PEM


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a stack may say; Pulumi.yaml describes each key."""

    mode: str
    replicas: Mapping[Service, tuple[str, ...]]  # the names that the gateway knows them by
    frontend_port: int
    https_port: int
    domain: tuple[str, ...]  # host names of the page, and of services whose row has no host
    tls: Tls
    bind_address: str
    image_version: str
    subnet: ipaddress.IPv4Network
    network_name: str
    name_prefix: str
    python_image: str
    nginx_image: str
    trusted_proxies: tuple[str, ...]
    maintenance: tuple[str, ...]  # names of services that are closed, and of the gateway's page
    rate_limit: int  # requests a second and client address; 0 is no limit
    wait_timeout: int
    log_driver: str
    log_options: Mapping[str, str]
    host_ports: Mapping[str, int]
    counts: Mapping[str, int]  # of each service's replicas
    registry: str
    encrypt_network: bool
    placement: Mapping[str, tuple[str, ...]]  # constraints on the nodes of a swarm
    limits: Mapping[str, Limits]
    env: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, Mapping[str, str]] = field(repr=False)
    # The images that a roll-back deploys: what they are of -> tag.
    tags: Mapping[str, str] = field(default_factory=dict)
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
            (self.network_name, f"{self.network_name}{EDGE}")
            if self.production
            else (self.network_name,)
        )

    @property
    def ways_out(self) -> dict[str, str]:
        """The network by which a service reaches the world outside, in production."""
        rows = self.replicas if self.production else ()
        return {row.name: f"{self.network_name}-{row.name}" for row in rows if row.egress}

    def is_running(self, service: Service) -> bool:
        """Return whether a replica of the service is on the stack's network now."""
        return any(self.name_prefix + name in self.on_network for name in self.replicas[service])

    @cached_property
    def addresses(self) -> dict[str, str]:
        """Every replica's fixed address, by its name. Raises ValueError if there are too few."""
        names = (*self._replica_names, *self.releases.values())
        full = {name: self.name_prefix + name for name in names}
        held = {n: self.on_network[full[n]] for n in names if full[n] in self.on_network}
        return addresses.assign(self.subnets[0], names, held, self.on_network.values())

    @cached_property
    def served(self) -> dict[Service, tuple[str, ...]]:
        """The services that the gateway sends requests to: from clients or from other services."""
        called = {name for service in self.replicas for name in service.calls}
        rows = self.replicas.items()
        return {row: names for row, names in rows if row.prefix or row.name in called}

    @property
    def secure(self) -> bool:
        return self.tls.source != OFF

    @property
    def host_names(self) -> tuple[str, ...]:
        """All names that the gateway serves, each once: its certificate has them."""
        return tuple(
            dict.fromkeys([*self.domain, *(row.host for row in self.replicas if row.host)])
        )

    @property
    def published(self) -> dict[str, int]:
        """The gateway's ports on the host, by configuration key."""
        https = {"httpsPort": self.https_port} if self.secure else {}
        return {"frontendPort": self.frontend_port, **https}

    @property
    def gateway_ports(self) -> dict[int, int]:
        """The gateway's ports: in its container -> on the host."""
        return dict(zip((HTTP_PORT, HTTPS_PORT), self.published.values(), strict=False))

    @property
    def https_suffix(self) -> str:
        """The port in the address of an HTTPS page."""
        return "" if self.https_port == HTTPS_PORT else f":{self.https_port}"

    def gateway_url(self, address: str = "", host: str = "") -> str:
        """Return where the gateway answers: at a host name, or at bindAddress or the address."""
        if self.secure:
            return f"https://{host or self.domain[0]}{self.https_suffix}"
        port = "" if self.frontend_port == HTTP_PORT else f":{self.frontend_port}"
        return f"http://{host or address or self.bind_address}{port}"

    @property
    def containers(self) -> list[str]:
        """The name of every container, as the engine has it."""
        site = [PUBLISHER, NGINX] if self.production else []
        certifier = [CERTIFIER] if self.tls.source == ACME else []
        names = (GATEWAY, *site, *certifier, *self._replica_names, *self.releases.values())
        return [self.name_prefix + name for name in names]

    @property
    def releases(self) -> dict[str, str]:
        """The name of the container that runs a service's release command."""
        rows = (row for row in self.replicas if row.release_command)
        return {row.name: f"{row.container}_release" for row in rows}

    @property
    def _replica_names(self) -> tuple[str, ...]:
        return tuple(name for names in self.replicas.values() for name in names)
