"""What every service here does: answer in one envelope, tell its health, log, trace, stop well."""

from chassis.application import service
from chassis.envelope import answer
from chassis.methods import any_method

__all__ = ["answer", "any_method", "service"]
