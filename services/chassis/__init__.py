"""The base of every service: JSON envelope, health check, log, trace, graceful stop."""

from chassis.application import service
from chassis.envelope import answer
from chassis.methods import any_method
from chassis.secret import secret

__all__ = ["answer", "any_method", "secret", "service"]
