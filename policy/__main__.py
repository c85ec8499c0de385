"""The policy pack that Pulumi runs: every rule, mandatory."""

import sys
from functools import partial
from pathlib import Path

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from infra import lifeline
from policy.resource import Resource
from policy.rules import RULES, Rule


def validate(rule: Rule, args: ResourceValidationArgs, report: ReportViolation) -> None:
    bind_address = pulumi.Config().get("bindAddress") or ""
    try:
        for violation in rule.violations(Resource(args.resource_type, args.props, bind_address)):
            report(violation, None)
    except UnknownValueError:
        return  # `pulumi up` runs the rule again when it knows the value


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
