"""The base of every service: JSON envelope, health check, log, trace, streams, graceful stop."""

from chassis.application import service
from chassis.envelope import answer
from chassis.methods import any_method
from chassis.secret import secret
from chassis.streams import event_stream

__all__ = ["answer", "any_method", "event_stream", "secret", "service"]
