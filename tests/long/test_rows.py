"""What a row gives its service: environment, secrets, a volume, limits and a way out."""

import hashlib
import json
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest
from psutil import net_if_addrs, process_iter

from infra.settings import DEVELOPMENT, PRODUCTION
from tests.support.contract import ask
from tests.support.deployment import Deployment, reaches
from tests.support.steps import previewed
from tests.support.updates import change, edit_code, ids

FIRST, SECOND = "first-5f3c9a71", "second-e08d21b6"
FIELDS = """\
        call="/say_hello",
        env={"COLOUR": "green", "SIZE": "1"},
        secrets=("TOKEN",),
        volumes={"files": "/data"},
        egress=True,
        memory=96,
        cpus=0.5,
        processes=40,
"""
FACTS = """
FILE = Path("/data/lines")


async def facts(request: Request) -> Response:
    if request.method == "POST":
        with FILE.open("a") as file:
            file.write("a line")
    return JSONResponse(
        {
            "colour": os.environ["COLOUR"] + os.environ["SIZE"],
            "token": hashlib.sha256(chassis.secret("TOKEN").encode()).hexdigest(),
            "lines": FILE.read_text() if FILE.exists() else "",
        }
    )


app ="""


@dataclass(frozen=True)
class Seen:
    """What the service says, and what the engine knows of its container."""

    colour: str
    token: str
    lines: str


def write_service(one: Deployment) -> None:
    change(one.project / "topology.py", '        call="/say_hello",\n', FIELDS)
    app = one.project / "services" / "microservice1" / "app.py"
    change(
        app,
        "from starlette.requests",
        "import hashlib\nimport os\nfrom pathlib import Path\n\nfrom starlette.requests",
    )
    change(app, "import Response", "import JSONResponse, Response")
    change(app, "\napp =", FACTS.rstrip("\n"))
    change(app, "routes=[", 'routes=[Route("/facts", facts, methods=["GET", "POST"]), ')


def facts(one: Deployment, method: str = "GET") -> Seen:
    status, _, body = ask(f"{one.url}/api/v1/facts", method)
    assert status == 200, body
    return Seen(**json.loads(body))


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def in_plain_sight(one: Deployment, *outputs: str) -> list[str]:
    """Return where a secret can be read: in files of the state, in the engine or in outputs."""
    files = (path for path in one.project.parent.rglob("*") if path.is_file())
    places = {str(p): p.read_bytes() for p in files if one.project not in p.parents}
    for container in one.containers():
        image = one.engine.images.get(container.attrs["Image"])
        known = json.dumps([container.attrs, image.attrs, image.history()]).encode()
        places[str(container.name)] = known + container.logs()
    places["output"] = "".join(outputs).encode()
    running = (" ".join(process.info["cmdline"] or ()) for process in process_iter(["cmdline"]))
    places["process list"] = "".join(running).encode()
    assert len(places) > 10
    secrets = (FIRST.encode(), SECOND.encode())
    return [place for place, text in places.items() if any(secret in text for secret in secrets)]


@pytest.mark.parametrize("mode", [DEVELOPMENT, PRODUCTION])
def test_a_row_of_a_real_service(tmp_path: Path, mode: str) -> None:
    replicas = 2 if mode == PRODUCTION else 1
    with Deployment(tmp_path, "a passphrase", mode=mode, replicas=replicas) as one:
        write_service(one)
        refused = one.up(check=False)
        assert refused.returncode != 0
        assert "services.microservice1.secrets.TOKEN: it has no value" in refused.stdout
        assert one.containers() == []
        one.set_secret("microservice1", "TOKEN", FIRST)
        one.set_service("microservice1", env={"COLOUR": "blue"})
        done = one.up()
        assert facts(one) == Seen("blue1", hashed(FIRST), "")
        assert facts(one, "POST").lines == "a line"
        check_container(one, mode)
        assert previewed(one) == {}
        one.operate("preview", "--refresh", "--expect-no-changes")
        assert in_plain_sight(one, done.stdout, done.stderr) == []
        before = ids(one)
        one.set_secret("microservice1", "TOKEN", SECOND)
        shown = one.operate("preview", "--diff")
        changed = one.up("--diff")
        assert facts(one) == Seen("blue1", hashed(SECOND), "a line")
        assert in_plain_sight(one, shown.stdout, changed.stdout) == []
        after = ids(one)
        assert {
            name for name in before if "secrets" not in name and before[name] != after[name]
        } == {"router_one"}
        edit_code(one)
        one.up()
        one.container("microservice1").kill("SIGKILL")
        one.up("--refresh")
        one.wait_healthy("microservice1")
        assert facts(one).lines == "a line"
        one.destroy()
        assert one.left()["volumes"] == [f"{one.prefix}microservice1-files"]
        one.up()
        assert facts(one).lines == "a line"


def check_container(one: Deployment, mode: str) -> None:
    limits = one.container("microservice1").attrs["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"], limits["PidsLimit"]) == (
        96 * 2**20,
        5 * 10**8,
        40,
    )
    assert limits["ReadonlyRootfs"]
    host_address = next(a.address for a in net_if_addrs()["docker0"] if a.family == socket.AF_INET)
    with socket.create_server((host_address, 0)) as outside:
        port = outside.getsockname()[1]
        assert reaches(one.container("microservice1"), host_address, port)
        assert reaches(one.container("microservice2"), host_address, port) is (mode == DEVELOPMENT)
