"""A row that uses every field, for a service that tells what it was given."""

import hashlib
import json
from dataclasses import dataclass

from tests.support.contract import ask
from tests.support.deployment import Deployment
from tests.support.updates import change

FIRST, SECOND = "first-5f3c9a71", "second-e08d21b6"
FIELDS = """\
        call="/say_hello",
        env={"COLOUR": "green", "SIZE": "1"},
        secrets=("TOKEN",),
        egress=True,
        memory=96,
        cpus=1.5,
        processes=40,
"""
VOLUME = '        volumes={"files": "/data"},\n'
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


def write_service(one: Deployment, more: str = "") -> None:
    change(one.project / "topology.py", '        call="/say_hello",\n', FIELDS + more)
    app = one.project / "services" / "microservice1" / "app.py"
    change(
        app,
        "from starlette.requests",
        "import hashlib\nimport os\nfrom pathlib import Path\n\nfrom starlette.requests",
    )
    change(app, "import Response", "import JSONResponse, Response")
    change(app, "\napp =", FACTS.rstrip("\n"))
    change(app, "routes=[", 'routes=[Route("/facts", facts, methods=["GET", "POST"]), ')


def facts(url: str, method: str = "GET") -> Seen:
    status, _, body = ask(f"{url}/api/v1/facts", method)
    assert status == 200, body
    return Seen(**json.loads(body))


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
