"""Create a swarm with a single node, and leave it again."""

from tools.setup import process
from tools.setup.progress import Progress

LABEL = "microservices.made"


def ensure(show: Progress) -> None:
    if _about("LocalNodeState") != "inactive":
        return
    with show.step("swarm", "creating a swarm with this node"):
        process.run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
        process.run("docker", "node", "update", "--label-add", f"{LABEL}=true", _nodes()[0])


def end(show: Progress) -> None:
    """Leave the swarm if `ensure` created it and nothing else runs on this engine."""
    if _about("ControlAvailable") != "true" or not _made_here():
        return
    # Docker 20.10 loses the DNS names of all networks when it leaves a swarm: containers keep
    # running, but no longer find each other.
    if process.run("docker", "ps", "--quiet").split():
        show.note("swarm", "kept: other containers run here, and would lose their DNS names")
        return
    with show.step("swarm", "leaving the swarm"):
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
