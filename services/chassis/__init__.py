"""The base of every service: JSON envelope, calls, health check, log, trace, streams, stop."""

from chassis.application import service
from chassis.client import ask
from chassis.envelope import answer
from chassis.methods import any_method
from chassis.secret import secret
from chassis.streams import event_stream

__all__ = ["answer", "any_method", "ask", "event_stream", "secret", "service"]
