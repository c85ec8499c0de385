"""A machine with the project as a new user has it: an engine, a home and a checkout of its own."""

import os
import re
import shutil
from pathlib import Path

from tests.support.processes import run
from tests.support.repository import Repository
from tests.support.rig import Node

COMMAND_SECONDS = 420
FRESH = ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "XDG_STATE_HOME")


class Machine:
    """A terminal on a node of the rig: ports and names are free there, as nothing else is there.

    What the setup has built on this machine before is there too: Pulumi, its plugin, uv's cache.
    """

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.upstream = Repository(folder / "upstream")
        self.upstream.git("tag", "v1.4.0")
        self.project = folder / "project"
        self.home = self._home(folder)
        self.environment = {
            **{key: value for key, value in os.environ.items() if key not in FRESH},
            "HOME": str(self.home),
            "DOCKER_HOST": node.socket,
            "PULUMI_SKIP_CONFIRMATIONS": "true",  # nobody is there to answer
            "UV_CACHE_DIR": str(Path.home() / ".cache" / "uv"),
        }
        self.upstream.git("clone", "--quiet", str(self.upstream.root), str(self.project))

    def _home(self, folder: Path) -> Path:
        home = folder / "home"
        for name in (".pulumi/bin", ".pulumi/plugins", ".local/share/microservices"):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).symlink_to(Path.home() / name)
        shutil.copytree(
            Path.home() / ".local/state/microservices",
            home / ".local/state/microservices",
            ignore=shutil.ignore_patterns("dockerd.*"),
        )
        return home

    def type(self, command: str, says: str = "", *, code: int = 0) -> str:
        """Run the command in the shell of before, whose variables it may have set."""
        kept = self.home / "environment"
        script = f"exec 2>&1\n{command}\ncode=$?\nenv -0 >'{kept}'\nexit $code"
        done = run(
            ["nsenter", f"--net=/run/netns/{self.node.name}", "bash", "-c", script],
            seconds=COMMAND_SECONDS,
            cwd=self.project,
            env=self.environment,
        )
        said = done.stdout
        assert done.returncode == code, f"$ {command}\n{said}"
        assert re.search(says, said, re.MULTILINE), f"$ {command}\n{said}"
        variables = filter(None, kept.read_text().split("\0"))
        self.environment = dict(one.split("=", 1) for one in variables)
        return said

    def clean(self) -> None:
        """Remove everything that a test has left in the engine, and leave its swarm."""
        engine = self.node.engine
        if engine.info()["Swarm"]["LocalNodeState"] != "inactive":
            engine.swarm.leave(force=True)
        for container in engine.containers.list(all=True, ignore_removed=True):
            container.remove(force=True)
        engine.networks.prune()
        for volume in engine.volumes.list():
            volume.remove()
