"""What a stack is deployed on: one engine or a swarm. Both make the same parts."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pulumi
import pulumi_docker as docker

from infra.settings import Settings
from topology import Service


class Parts(Protocol):
    @property
    def images(self) -> Mapping[str, docker.RemoteImage]:
        """What each is of -> image."""


class ServiceParts(Parts, Protocol):
    @property
    def replicas(self) -> Sequence[pulumi.Resource]: ...

    def summary(self) -> Mapping[str, pulumi.Input[str]]:
        """Return its container, image and address, for the stack's outputs."""


class GatewayParts(Parts, Protocol):
    @property
    def url(self) -> str: ...


class Target(Protocol):
    def network(
        self, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> docker.Network: ...

    def WebService(  # noqa: N802  a class in each target
        self,
        service: Service,
        *,
        settings: Settings,
        network: docker.Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> ServiceParts:
        """Make the image and the replicas of a service."""

    def Gateway(  # noqa: N802  likewise
        self,
        *,
        services: Mapping[str, ServiceParts],
        settings: Settings,
        network: docker.Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> GatewayParts:
        """Make nginx with the page and a route to each service."""
