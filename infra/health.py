"""The command of a container's health check, in bash: Python would take forty milliseconds."""

from typing import NamedTuple

# In production what dies early is never healthy: a program must have run for so long.
MIN_READY_SECONDS = 4
# Docker restarts what has ended, not what hangs: so many checks in a row without an answer end it.
# A service that serves but gets little CPU time must not be taken for one, so they are patient.
UNANSWERED = 6
ANSWER_SECONDS = 3
TIMEOUT_SECONDS = 5  # of the check as a whole, bash's start included
# The engine takes forty milliseconds of CPU time to run one, whatever it runs: at 100 containers
# and one every two seconds, two cores do nothing else.
FEW = 30


class Probe(NamedTuple):
    """What answers 200 while the container is healthy."""

    port: int
    path: str


def command(probe: Probe, *, production: bool) -> list[str]:
    asks = _asks(probe)
    return ["CMD", "bash", "-c", _watched(asks) if production else asks]


def interval(containers: int) -> str:
    """How often each of so many is checked: `pulumi up` waits for the first check."""
    return "2s" if containers <= FEW else "10s"


def _asks(probe: Probe) -> str:
    return (
        f"exec 3<>/dev/tcp/127.0.0.1/{probe.port}"
        f" && printf 'GET {probe.path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3"
        f" && IFS= read -rt {ANSWER_SECONDS} line <&3"
        ' && [[ $line == *" 200 "* ]]'
    )


def _watched(probe: str) -> str:
    """Report healthy only after MIN_READY_SECONDS; kill the container after UNANSWERED checks.

    The SIGKILL goes to all processes but the init process, which then ends. The count is kept apart
    from /tmp, which the service may fill.
    """
    hertz = 100  # of /proc, for every program; see proc(5)
    return f"""\
if {probe}; then
    rm -f /dev/shm/unanswered
    read -r up _ < /proc/uptime && read -ra stat < /proc/1/stat
    (( ${{up%.*}} - ${{stat[21]}} / {hertz} >= {MIN_READY_SECONDS} ))
else
    echo >> /dev/shm/unanswered
    mapfile -t times < /dev/shm/unanswered
    (( ${{#times[@]}} < {UNANSWERED} )) || kill -9 -1
    false
fi"""
