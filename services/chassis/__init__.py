"""The base of every service: JSON envelope, health check, log, trace, graceful stop."""

from chassis.application import service
from chassis.envelope import answer
from chassis.methods import any_method

__all__ = ["answer", "any_method", "service"]
