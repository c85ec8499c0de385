"""Every command of the docs is run, or says why not."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.deployment import NOT_COPIED, PULUMI_SECONDS, ROOT, Deployment
from tests.support.processes import free_ports

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
COMMAND = re.compile(r"^\$ (.+?)(?:\s+#.*)?$", re.MULTILINE)

COPY = "~/.pulumi/backups/microservices/dev/dev.1795504577390628622.json"

# Command -> what it must say, in an order that makes sense. Run in a copy of the project with a
# Pulumi home and backend of its own; from `make preview` on on a stack of its own.
BEFORE = {
    "make tools": r"pulumi .* is there",
    'eval "$(make env)"': "",
    "uv sync": "Checked|Audited",
    "export PULUMI_CONFIG_PASSPHRASE=": "",
    "pulumi stack init prod": "Created stack 'prod'",
    "pulumi config set frontendPort 8088 --stack prod": "",
    "pulumi config --stack prod": r"frontendPort +8088",
    "pulumi config set imageVersion v2 --stack prod": "",
    "pulumi stack init swarm": "Created stack 'swarm'",
    "pulumi config set swarmInit true --stack swarm": "",
    "pulumi config set registry registry.example.com/team --stack swarm": "",
    "pulumi config set docker:host ssh://user@manager --stack swarm": "",
}
DEPLOYED = {
    "make new-service NAME=orders PREFIX=/api/v3/": "services/orders/ answers at /api/v3/orders",
    "pulumi config set imageVersion v2": "",
    "make preview STACK=prod": r"\+ 14 to create",
    "pulumi preview --policy-pack policy": "microservices@v",
    "make up": r"(?s)^plan .*deploy stack.*\+ 14 created.*Ready in \d+ s: http://127\.0\.0\.1:\d+$",
    "curl localhost/api/v3/orders": r'^\{"Code":2000,"Message":"I am orders!"\}$',
    "make status STACK=prod": r"orders +\S+orders:v2-\w+ +healthy",
    "ls -t ~/.pulumi/backups/microservices/dev/": r"e2e-\w+\.\d+\.json$",
    f"cp {COPY} ~/.pulumi/stacks/microservices/dev.json": "",
    "make recover": "",
    "pulumi stack export --stack dev --file dev.json": "",
    "export PULUMI_BACKEND_URL=s3://our-bucket": "",
    "pulumi stack init dev": "Created stack",
    "pulumi stack import --stack dev --file dev.json": "Import complete",
    "make preview": r"Resources:\n +14 unchanged",
    "make destroy": r"(?s)- 14 deleted.*has been removed!",
}
ELSEWHERE = {
    "pulumi up": "tests/e2e/test_lifecycle.py::test_up_then_nothing_to_do_then_destroy",
    "make up STACK=prod": "tests/e2e/test_production.py::test_updates_lose_nothing",
    "make up STACK=swarm": (
        "tests/swarm/test_one_node.py::test_it_answers_by_the_contract_and_nothing_changes_by_itself"
    ),
    "make preview-diff BASE=origin/main": (
        "tests/long/test_previewdiff.py::test_three_edits_are_exactly_what_shows"
    ),
}
NOT = {
    "make test": "it runs this test",
    "make test-all ROUNDS=10": "hours; by hand, with its figures in the page",
    "make update-bases": "changes images of the machine that everything else is built on",
    "git pull": "git's own, and there must be a remote",
    "git checkout v1.4.0": "stands for any version",
    "export PULUMI_BACKEND_URL=s3://our-state": "needs a bucket; a folder takes its place above",
    "uv pip compile --generate-hashes --no-header --no-annotate --python-version 3.13 "
    "requirements.in -o requirements.txt": "what the index has today is no fact of the project",
}
TABLE = [*BEFORE, *DEPLOYED, *ELSEWHERE, *NOT]


def documented() -> set[str]:
    return {command for page in PAGES for command in COMMAND.findall(page.read_text())}


def test_every_command_of_the_docs_is_in_the_table_and_the_table_in_the_docs() -> None:
    assert documented() == set(TABLE)
    assert len(TABLE) == len(set(TABLE))


@pytest.mark.parametrize("command", ELSEWHERE)
def test_the_test_that_runs_it_is_there(command: str) -> None:
    path, _, name = ELSEWHERE[command].partition("::")
    assert f"def {name}(" in (ROOT / path).read_text()


class Shell:
    """A terminal in which the commands are typed one after the other."""

    def __init__(self, deployment: Deployment) -> None:
        self.project = deployment.project
        self.environment = {**deployment.environment, "STACK": deployment.stack}

    def type(self, command: str, says: str = "") -> None:
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = value
            return
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PULUMI_SECONDS,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}"
        assert re.search(says, done.stdout, re.MULTILINE), f"{command}: {done.stdout}"


class Own:
    """The docs' commands with a stack, folders, a bucket and an address of the test's own."""

    def __init__(self, deployment: Deployment, bucket: Path) -> None:
        self.stack, self.url = deployment.stack, deployment.url
        self.home = Path(deployment.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
        self.bucket = bucket

    def __call__(self, text: str) -> str:
        text = re.sub(r"(STACK=|--stack |init )\w+", rf"\g<1>{self.stack}", text)
        if "~" in text:
            text = text.replace(Path(COPY).name, self._newest_copy())
            text = text.replace("/dev", f"/{self.stack}").replace("~", str(self.home))
        text = text.replace("s3://our-bucket", self.bucket.as_uri())
        return text.replace("localhost", self.url)

    def _newest_copy(self) -> str:
        folder = self.home / ".pulumi" / "backups" / "microservices" / self.stack
        return max((file.name for file in folder.glob("*.json")), default="none")


def test_the_commands_do_what_the_docs_say(fresh: Deployment, tmp_path: Path) -> None:
    shutil.copytree(ROOT, fresh.project, ignore=NOT_COPIED, dirs_exist_ok=True)
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    shell, own = Shell(fresh), Own(fresh, bucket)
    for command, says in BEFORE.items():
        shell.type(command, says)
    fresh.config["ordersPort"] = str(free_ports(1)[0])
    settings = " ".join(f"--plaintext {key}={value}" for key, value in fresh.config.items())
    shell.type(f"pulumi stack select {fresh.stack} && pulumi config set-all {settings}")
    for command, says in DEPLOYED.items():
        shell.type(own(command), says)
