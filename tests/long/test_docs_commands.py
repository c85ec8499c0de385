"""Every command of the docs is run as it is written, on a machine of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import base
from tests.support.deployment import ROOT
from tests.support.machine import Machine
from tests.support.rig import Node, Rig, why_not

pytestmark = pytest.mark.xdist_group("rig")

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
COMMAND = re.compile(r"^\$ (.+?)(?:\s+#.*)?$", re.MULTILINE)
COPY = "~/.pulumi/backups/microservices/dev/dev.1795504577390628622.json"
HELLO = r'^\{"Code":2000,"Message":"Hello Microservice1"\}$'
# `make logs` does not end by itself.
LOGS = "make logs >log & until grep --quiet '^router_one' log; do sleep 0.2; done; kill %1; cat log"

# The commands of each page, with a pattern for their output. A command that starts with a space is
# not on the page: it checks what the one before has done.
README = {
    "make tools": r"pulumi .* is there",
    'eval "$(make env)"': "",
    "uv sync": "Resolved|Checked|Audited|Installed",
    "export PULUMI_CONFIG_PASSPHRASE=": "",
    "pulumi stack init dev": "Created stack 'dev'",
    "pulumi up": r"\+ \d+ created",
    " curl --silent localhost/api/v1/say_hello": HELLO,
    " curl --silent 127.0.0.1:8080/say_hello": HELLO,
    " curl --silent 127.0.0.1:8081/who_am_i": "yizhigopher",
    " docker ps --format '{{.Names}} {{.Networks}}' | sort": r"frontend deploy\nrouter_one deploy",
    " make status": r"router_two .* healthy",
    f" {LOGS}": r"^router_one +\| ",
    "make preview": r"\d+ unchanged",
    "make preview BUDGET=no-loss,no-data": r"^Price: nothing changes$",
    "pulumi preview --policy-pack policy": "microservices@v",
}
STATE = {
    "make up": r"(?s)^plan .*deploy stack.*Ready in \d+ s: http://127\.0\.0\.1$",
    "pulumi config set imageVersion v2": "",
    " make up": "replaced",
    "ls -t ~/.pulumi/backups/microservices/dev/": r"dev\.\d+\.json",
    f"cp {COPY} ~/.pulumi/stacks/microservices/dev.json": "",
    "make recover": "",
    "  make up": r"Ready in \d+ s",
    "pulumi stack export --stack dev --file dev.json": "",
    "export PULUMI_BACKEND_URL=s3://our-bucket": "",
    "pulumi stack init dev": "Created stack",
    "pulumi stack import --stack dev --file dev.json": "Import complete",
    "make preview": r"\d+ unchanged",
    "make destroy": r"(?s)- \d+ deleted.*has been removed!",
    " docker ps --all --quiet": r"\A\Z",
}
NEW_SERVICE = {
    "make new-service NAME=orders PREFIX=/api/v3/": "services/orders/ answers at /api/v3/orders",
    "make up": r"Ready in \d+ s: http://127\.0\.0\.1$",
    "curl localhost/api/v3/orders": r'^\{"Code":2000,"Message":"I am orders!"\}$',
    " make status": r"orders +\S+ +healthy",
    "make update-bases": "imageVersion",
    "pulumi config set imageVersion v2": "",
    "  make up": r"Ready in \d+ s",
    " docker ps --format '{{.Names}} {{.Image}}'": "orders orders:v2-",
}
PROD = {
    "pulumi stack init prod": "Created stack 'prod'",
    "pulumi config set frontendPort 8088 --stack prod": "",
    "pulumi config --stack prod": r"frontendPort +8088",
    "pulumi config set --path services.microservice1.replicas 3 --stack prod": "",
    " pulumi config get services --stack prod": r'^\{"microservice1":\{"replicas":3\}\}$',
    "pulumi config rm --path services.microservice1 --stack prod": "",
    " pulumi config get services  --stack prod": r"^\{\}$",
    "pulumi config set --path services.microservice1.env.LOG_LEVEL debug --stack prod": "",
    " pulumi config get services   --stack prod": r'"env":\{"LOG_LEVEL":"debug"\}',
    " git checkout --quiet Pulumi.prod.yaml": "",
    "make preview STACK=prod": r"\+ \d+ to create",
    "make up STACK=prod": r"Ready in \d+ s: http://127\.0\.0\.1:8000$",
    "git pull": "Fast-forward",
    " make preview STACK=prod": r"\+-.*replace|to replace",
    " make up STACK=prod": r"Ready in \d+ s",
    " curl --silent 127.0.0.1:8000/api/v2/who_am_i": "I am newer!",
    "make status STACK=prod": r"prod-router_two_2 .* healthy",
    "make releases STACK=prod": r"(?m)^2 .*prod-microservice2:v1-",
    "make rollback STACK=prod": r"(?s)Roll-back to release 1 of .*Ready in \d+ s",
    "   curl --silent 127.0.0.1:8000/api/v2/who_am_i": "I am yizhigopher!",
    "ROLL_BACK_TO=2 make preview STACK=prod": r"\+-.*replace|to replace",
    "make rollback RELEASE=2 STACK=prod": r"(?s)Roll-back to release 2 of .*Ready in \d+ s",
    "    curl --silent 127.0.0.1:8000/api/v2/who_am_i": "I am newer!",
    "git checkout v1.4.0": "HEAD is now at",
    "  make preview STACK=prod": r"\+-.*replace|to replace",
    "  make up STACK=prod": r"(?s)Release 4 is a roll-back to 2; .*Ready in \d+ s",
    "  curl --silent 127.0.0.1:8000/api/v2/who_am_i": "I am yizhigopher!",
    "pulumi config set imageVersion v2 --stack prod": "",
    " git checkout --quiet main": "",
    " sed -i s/newer/newest/ services/microservice2/app.py": "",
    "make preview-diff BASE=origin/main": r"(?s)## Preview: .*microservice2",
    " make destroy STACK=prod": r"(?s)- \d+ deleted.*has been removed!",
    " docker ps --all --quiet": r"\A\Z",
}
SWARM = {
    " make up": r"Ready in \d+ s: http://127\.0\.0\.1$",
    " make up STACK=prod": r"Ready in \d+ s: http://127\.0\.0\.1:8000$",
    "pulumi stack init swarm": "Created stack 'swarm'",
    "pulumi config set swarmInit true --stack swarm": "",
    "make up STACK=swarm": r"Ready in \d+ s: http://127\.0\.0\.1:8001$",
    " curl --silent 127.0.0.1/api/v1/say_hello": HELLO,
    " curl --silent 127.0.0.1:8000/api/v1/say_hello": HELLO,
    " curl --silent 127.0.0.1:8001/api/v1/say_hello": HELLO,
    " make destroy STACK=swarm": r"(?s)kept: other containers run here.*has been removed!",
    " make destroy STACK=prod": "has been removed!",
    "  curl --silent 127.0.0.1/api/v1/say_hello": HELLO,
    " make preview": r"\d+ unchanged",
    " make destroy": "has been removed!",
    " pulumi stack init swarm": "Created stack 'swarm'",
    "pulumi config set registry registry.example.com/team --stack swarm": "",
    "pulumi config set docker:host ssh://user@manager --stack swarm": "",
}
STORIES = {
    "readme": README,
    "state": STATE,
    "new service": NEW_SERVICE,
    "prod": PROD,
    "swarm": SWARM,
}
NOT = {
    "make test": "this test is one of what it runs",
    "make test-all ROUNDS=10": "the same; by hand, with its figures in the page",
    "pulumi config set docker:host ssh://deploy@server.example.com --stack prod": "needs a server; "
    "test_an_update_by_ssh_loses_no_request_and_opens_one_connection has one",
    "pulumi config set bindAddress 0.0.0.0 --stack prod": "the same",
    "pulumi config set --secret --path services.microservice1.secrets.TOKEN --stack prod": "asks "
    "for a value; test_a_row_gives_a_service_what_it_needs sets one",
    **dict.fromkeys(
        (
            "cp -r docs/shop/* services/",
            "(cd services/stock && CGO_ENABLED=0 go build -o stock main.go)",
            "make new-secret NAME=PASSWORD",
            "make backup S=database",
            "make restore S=database FILE=backups/dev-database-20261127T104000Z.tar",
            "docker exec database pg_dump --clean --if-exists > backup.sql",
            "docker exec --interactive database psql --quiet < backup.sql",
        ),
        "test_shop.py does this, with names of its own",
    ),
    **dict.fromkeys(
        (
            'pulumi config set domain "shop.example.com www.shop.example.com" --stack prod',
            "pulumi config set tls acme --stack prod",
            "pulumi config set acmeEmail admin@example.com --stack prod",
            "pulumi config set frontendPort 80 --stack prod",
            "pulumi config set tls files --stack prod",
            "pulumi config set tlsCertificate --stack prod < fullchain.pem",
            "pulumi config set --secret tlsKey --stack prod < privkey.pem",
            "pulumi config set acmeDirectory https://ca.internal/acme/acme/directory --stack prod",
            "pulumi config set acmeRoot --stack prod < root.pem",
            "make new-certificate DOMAIN=shop.localhost",
        ),
        "test_https.py and test_acme.py do this, with names of their own",
    ),
    **dict.fromkeys(
        (
            "make maintenance on S=microservice1 STACK=prod",
            "make maintenance off STACK=prod",
        ),
        "test_maintenance.py does this",
    ),
    "export PULUMI_BACKEND_URL=s3://our-state": "needs a bucket; a folder takes its place above",
    "uv pip compile --generate-hashes --no-header --no-annotate --python-version 3.13 "
    "requirements.in -o requirements.txt": "what the index has today is no fact of the project",
}


def documented() -> set[str]:
    return {command for page in PAGES for command in COMMAND.findall(page.read_text())}


def typed() -> set[str]:
    return {c for story in STORIES.values() for c in story if not c.startswith(" ")}


def test_every_command_of_the_docs_is_typed_or_says_why_not() -> None:
    assert documented() == typed() | set(NOT)
    assert not typed() & set(NOT)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    if reason := why_not():
        pytest.skip(reason)
    with Rig(1) as rig:
        rig.load(rig.nodes[0], *base.both())
        yield rig.nodes[0]


@pytest.fixture
def machine(node: Node, tmp_path: Path) -> Iterator[Machine]:
    one = Machine(node, tmp_path)
    yield one
    one.clean()


def with_own_names(machine: Machine, command: str) -> str:
    """The page's newest copy and bucket are others here."""
    backups = machine.pulumi / "backups" / "microservices" / "dev"
    copies = sorted(file.name for file in backups.glob("dev.*.json"))
    newest = copies[-1] if copies else ""
    bucket = machine.folder / "bucket"
    bucket.mkdir(exist_ok=True)
    return command.replace(Path(COPY).name, newest).replace("s3://our-bucket", bucket.as_uri())


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("story", STORIES)
def test_the_commands_do_what_the_docs_say(machine: Machine, story: str) -> None:
    if story == "prod":
        file = "services/microservice2/app.py"
        machine.upstream.replace(file, "I am yizhigopher!", "I am newer!")
        machine.upstream.commit()
    if story != "readme":  # whose shell has no environment yet
        machine.type('eval "$(make env)"')
    for command, says in STORIES[story].items():
        machine.type(with_own_names(machine, command.strip()), says)
