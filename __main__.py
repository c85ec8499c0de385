"""The deployment, top to bottom: one network, a service a row of the table, the gateway."""

import pulumi

from infra import (
    components,
    configuration,
    hooks,
    lifeline,
    operation,
    provider,
    releases,
    rollout,
)
from infra.stack import own_labels
from infra.swarm import replicated
from infra.target import ServiceParts, Target
from topology import SERVICES


def deploy() -> None:
    settings, past = releases.load(configuration.load(SERVICES, own_labels()))

    target: Target = replicated if settings.swarm else components

    opts = pulumi.ResourceOptions(provider=provider.of_stack())

    network = target.network(settings, opts)

    services: dict[str, ServiceParts] = {}
    for row in SERVICES:
        needed = [one for name in row.depends_on for one in services[name].replicas]
        after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=needed))
        services[row.name] = target.WebService(row, settings=settings, network=network, opts=after)

    gateway = target.Gateway(services=services, settings=settings, network=network, opts=opts)

    pulumi.export("url", gateway.url)
    pulumi.export("network", network.name)
    pulumi.export("services", {name: service.summary() for name, service in services.items()})
    releases.record(past, settings, services, gateway)


lifeline.hold(hooks.are_running)
provider.use_engine()
rollout.register_delete_hooks(pulumi.Config().get("namePrefix", ""))
# A destroy needs nothing but these hooks: it removes what is in the state.
if not operation.is_destroy():
    deploy()
