"""The policy pack that Pulumi runs: every rule, mandatory."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy import policy as sdk
from pulumi_policy.proxy import UnknownValueError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from infra import lifeline
from policy.rules import RULES, Resource, Rule

stack = {"bindAddress": ""}
# The engine hands the stack's configuration to the pack, where the SDK drops it.
configure = sdk._PolicyAnalyzerServicer.ConfigureStack  # noqa: SLF001  there is no other way


def configure_stack(servicer: Any, request: Any, context: Any) -> Any:  # noqa: ANN401  the SDK's
    stack["bindAddress"] = request.config.get(f"{request.project}:bindAddress", "")
    return configure(servicer, request, context)


sdk._PolicyAnalyzerServicer.ConfigureStack = configure_stack  # type: ignore[assignment,method-assign]  # noqa: SLF001


def validate(rule: Rule, args: ResourceValidationArgs, report: ReportViolation) -> None:
    resource = Resource(args.resource_type, args.props, stack["bindAddress"])
    try:
        for violation in rule.violations(resource):
            report(violation, None)
    except UnknownValueError:
        return  # known, and looked at again, once `up` makes what it comes from


lifeline.hold()
PolicyPack(
    "microservices",
    [
        ResourceValidationPolicy(
            name=rule.name,
            description=f"{rule.reason} [{rule.source}]",
            validate=partial(validate, rule),
            url=rule.link,
        )
        for rule in RULES
    ],
    enforcement_level=EnforcementLevel.MANDATORY,
)
