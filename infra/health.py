"""The command of a container's health check: the row's own, or bash.

Not Python, which takes 40 ms of CPU to start.
"""

from typing import NamedTuple

from topology import Service

# In production a container is healthy only after it has run for so long: it may crash early.
MIN_READY_SECONDS = 4
# Docker restarts a container that exits, not one that hangs: after so many checks in a row without
# an answer the check kills it. The limits are generous, so that a busy machine looks like no hang.
UNANSWERED = 6
ANSWER_SECONDS = 3
TIMEOUT_SECONDS = 5  # of the check as a whole, bash's start included
# Failed checks in a row until a container is unhealthy. This is the time to start, and there is no
# start period: with one, Docker 28 begins to check after 5 s, its default of start_interval, which
# engines before Docker 25 do not have.
RETRIES = 3
# Running a check takes the engine 40 ms of CPU: every two seconds, in 100 containers, two cores
# would do nothing else.
FEW = 30


class Probe(NamedTuple):
    """What answers 200 while the container is healthy, or a command of its image that succeeds."""

    port: int
    path: str
    command: tuple[str, ...] = ()


def of(service: Service) -> Probe:
    return Probe(service.port, "/healthz", service.health)


def command(probe: Probe, *, is_watched: bool) -> list[str]:
    if probe.command:
        return ["CMD", *probe.command]
    asks = _asks(probe)
    return ["CMD", "bash", "-c", _watched(asks, probe.port) if is_watched else asks]


def interval(containers: int, *, is_watched: bool) -> str:
    """Return the time between two checks. `pulumi up` waits for the first one that succeeds.

    The provider asks once a second whether one did. The first check after 1.8 s ends just before it
    asks for the third time. A watched container needs MIN_READY_SECONDS, so its second check has to
    succeed, and that one must not come earlier.
    """
    if containers > FEW:
        return "10s"
    return "2s" if is_watched else "1.8s"


def _asks(probe: Probe) -> str:
    return (
        f"exec 3<>/dev/tcp/127.0.0.1/{probe.port}"
        f" && printf 'GET {probe.path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3"
        f" && IFS= read -rt {ANSWER_SECONDS} line <&3"
        ' && [[ $line == *" 200 "* ]]'
    )


def _watched(asks: str, port: int) -> str:
    """Report healthy only after MIN_READY_SECONDS; kill the container after UNANSWERED checks.

    One that takes no connection starts or ends, however long that takes, and does not hang. The
    SIGKILL goes to all processes but the init process, which then ends. The count is kept apart
    from /tmp, which the service may fill.
    """
    hertz = 100  # of /proc, for every program; see proc(5)
    return f"""\
if {asks}; then
    rm -f /dev/shm/unanswered
    read -r up _ < /proc/uptime && read -ra stat < /proc/1/stat
    (( ${{up%.*}} - ${{stat[21]}} / {hertz} >= {MIN_READY_SECONDS} ))
else
    {{ : <> /dev/tcp/127.0.0.1/{port}; }} || exit 1
    echo >> /dev/shm/unanswered
    mapfile -t times < /dev/shm/unanswered
    (( ${{#times[@]}} < {UNANSWERED} )) || kill -9 -1
    false
fi"""
