"""A new user's machine: a Docker engine, Pulumi's state, a checkout."""

import os
import re
from pathlib import Path

from tests.support.processes import run
from tests.support.repository import Repository
from tests.support.rig import Node

COMMAND_SECONDS = 420
PULUMI = Path.home() / ".pulumi"
NOT_YET_SET = ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE")
# Pulumi finds its state by the user's home folder, not by HOME, so ours is mounted there.
SHELL = """
for name in bin plugins; do mount --bind "{pulumi}/$name" "{own}/$name"; done
mount --rbind "{own}" "{pulumi}"
exec 2>&1
{command}
code=$?
env -0 >"{kept}"
exit $code
"""


class Machine:
    """A shell on a node of the rig, where all ports and names are free.

    Pulumi, its plugin and uv's cache are those of this machine.
    """

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.folder = folder
        self.upstream = Repository(folder / "upstream")
        self.upstream.git("tag", "v1.4.0")
        self.project = folder / "project"
        self.upstream.git("clone", "--quiet", str(self.upstream.root), str(self.project))
        self.pulumi = folder / "pulumi"
        for name in ("bin", "plugins"):
            (self.pulumi / name).mkdir(parents=True)
        self.environment = {
            **{key: value for key, value in os.environ.items() if key not in NOT_YET_SET},
            "DOCKER_HOST": node.socket,
            "PULUMI_SKIP_CONFIRMATIONS": "true",  # nobody can answer a prompt
        }

    def type(self, command: str, says: str = "") -> str:
        """Run a command in the same shell as the ones before, so that it sees their variables."""
        kept = self.folder / "environment"
        places = {"pulumi": PULUMI, "own": self.pulumi, "kept": kept}
        script = SHELL.format(command=command, **places)
        done = run(
            [
                *("nsenter", f"--net=/run/netns/{self.node.name}"),
                *("unshare", "--mount", "bash", "-c", script),
            ],
            seconds=COMMAND_SECONDS,
            cwd=self.project,
            env=self.environment,
        )
        said = done.stdout
        assert done.returncode == 0, f"$ {command}\n{said}"
        assert re.search(says, said, re.MULTILINE), f"$ {command}\n{said}"
        variables = filter(None, kept.read_text().split("\0"))
        self.environment = dict(one.split("=", 1) for one in variables)
        return said

    def clean(self) -> None:
        """Remove everything from the engine, and leave its swarm."""
        engine = self.node.engine
        if engine.info()["Swarm"]["LocalNodeState"] != "inactive":
            engine.swarm.leave(force=True)
        for container in engine.containers.list(all=True, ignore_removed=True):
            container.remove(force=True)
        engine.networks.prune()
        for volume in engine.volumes.list():
            volume.remove()
