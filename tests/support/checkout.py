"""A clone of the project whose stacks have their own state and, optionally, names."""

import os
import random
import subprocess
from pathlib import Path

import yaml

from tests.support.processes import free_ports, run
from tests.support.repository import Repository

SECONDS = 600


class Checkout(Repository):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "project")
        home = folder / "home"
        home.mkdir()
        (folder / "state").mkdir()
        (home / "plugins").symlink_to(Path.home() / ".pulumi" / "plugins")
        self.environment = {
            **os.environ,
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def own_names(self) -> None:
        file = self.root / "Pulumi.prod.yaml"
        name = f"clean-{random.randint(1000, 9999)}"
        settings = yaml.safe_load(file.read_text())
        settings["config"] |= {
            "microservices:frontendPort": str(free_ports(1)[0]),
            "microservices:networkName": name,
            "microservices:namePrefix": f"{name}-",
            "microservices:subnet": f"10.{random.randint(1, 127)}.{random.randint(0, 255)}.0/24",
        }
        file.write_text(yaml.safe_dump(settings, sort_keys=False))
        self.commit()

    def type(self, *command: str) -> None:
        done = run([*command], seconds=SECONDS, cwd=self.root, env=self.environment)
        assert done.returncode == 0, done.stdout + done.stderr

    def changes(self) -> str:
        status = ["git", "status", "--porcelain"]
        return subprocess.run(
            status, cwd=self.root, capture_output=True, text=True, check=True
        ).stdout
