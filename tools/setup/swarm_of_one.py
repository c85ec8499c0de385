"""A swarm of one where the configuration allows it, and its end if it was made here."""

from tools.setup import process
from tools.setup.progress import Progress

LABEL = "microservices.made"


def ensure(show: Progress) -> None:
    if _about("LocalNodeState") != "inactive":
        return
    with show.step("swarm", "making this engine a swarm of one"):
        process.run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
        process.run("docker", "node", "update", "--label-add", f"{LABEL}=true", _nodes()[0])


def end(show: Progress) -> None:
    """Leave a swarm that `ensure` made, unless something else runs there by now."""
    if _about("ControlAvailable") != "true" or not _made_here():
        return
    # Docker forgets the names on all networks when it leaves a swarm (seen with 20.10): the
    # containers run on and no longer find each other.
    if process.run("docker", "ps", "--quiet").split():
        show.note("swarm", "kept: other containers run here, whose names would go with it")
        return
    with show.step("swarm", "leaving the swarm of one"):
        process.run("docker", "swarm", "leave", "--force")


def _made_here() -> bool:
    nodes = _nodes()
    services = process.run("docker", "service", "ls", "--quiet").split()
    if services or len(nodes) != 1:
        return False
    label = f'{{{{index .Spec.Labels "{LABEL}"}}}}'
    return process.run("docker", "node", "inspect", nodes[0], "--format", label).strip() == "true"


def _nodes() -> list[str]:
    return process.run("docker", "node", "ls", "--quiet").split()


def _about(what: str) -> str:
    return process.run("docker", "info", "--format", f"{{{{.Swarm.{what}}}}}").strip()
