"""Edit a deployment's sources, and update it under load."""

import re
from pathlib import Path

from infra import build_log
from tests.support.contract import HELLO, WHO
from tests.support.deployment import Deployment
from tests.support.load import Report, Request, load
from tests.support.polling import wait_until

REQUESTS_PER_SECOND = 200
RELIEVED_SECONDS = 30.0
PER_SECOND, SLOW_PER_SECOND = 500, 40  # of the updates that are repeated
OK = b'{"Code":2000,"Message":"ok"}'


def page(deployment: Deployment) -> bytes:
    return (deployment.project / "frontend" / "index.html").read_bytes()


def mixed(deployment: Deployment, *pages: bytes) -> list[Request]:
    """Return requests to both routes and the page, with POSTs, on kept and on new connections."""
    return [
        Request(path=path, bodies=bodies, method=method, keep_alive=keep_alive)
        for keep_alive in (True, False)
        for path, bodies, method in (
            ("/api/v1/say_hello", (HELLO,), "GET"),
            ("/api/v2/who_am_i", (WHO,), "GET"),
            ("/api/v2/who_am_i", (WHO,), "POST"),
            ("/", (page(deployment), *pages), "GET"),
        )
    ]


def slow_posts() -> list[Request]:
    return [
        Request(path=f"{prefix}/slow", bodies=(OK,), method="POST", keep_alive=keep_alive)
        for prefix in ("/api/v1", "/api/v2")
        for keep_alive in (True, False)
    ]


def kept(deployment: Deployment) -> list[Request]:
    return [one for one in mixed(deployment) if one.keep_alive]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new, 1))


def edit_gateway(deployment: Deployment, what: str) -> None:
    """Edit the script of nginx's own container, so that its image is another."""
    script = deployment.project / "nginx" / "gateway"
    script.write_text(f"{script.read_text()}\n# {what}\n")


def edit_code(deployment: Deployment, service: str = "microservice1") -> None:
    change(
        deployment.project / "services" / service / "app.py",
        "import chassis\n",
        "import chassis\n# edited\n",
    )


def ids(deployment: Deployment) -> dict[str, str]:
    return {str(c.name).removeprefix(deployment.prefix): str(c.id) for c in deployment.containers()}


def replaced(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return the names of those before whose container is another one after."""
    return {name for name in before if before[name] != after[name]}


def workers(deployment: Deployment, container: str) -> list[str]:
    """Return the processes of the nginx in the container that accepts connections."""
    titles = [str(row[-1]) for row in deployment.container(container).top()["Processes"]]
    return [title for title in titles if title == "nginx: worker process"]


def wait_relieved(deployment: Deployment) -> None:
    wait_until(lambda: not workers(deployment, "frontend"), "standby is relieved", RELIEVED_SECONDS)


def assert_nothing_lost(
    report: Report, *, seconds: float = 3, rate: float = REQUESTS_PER_SECOND
) -> None:
    """Check that nothing was lost, that the load lasted long enough, and clients were not late."""
    assert report.losses == [], report.summary()
    assert report.sent - len(report.own) > seconds * rate, report.summary()
    assert len(report.own) < report.sent / 100, report.summary()


# Kinds of bad versions: the edit, and what the failed update must print.
BAD_VERSIONS = {
    "crashes": ("import chassis\n", "raise SystemExit('no coffee')\n", "no coffee"),
    "dies early": (
        "import chassis\n",
        "import chassis, threading, os\nthreading.Timer(2, os._exit, [3]).start()\n",
        "",
    ),
    "is never healthy": (
        "routes=[",
        'routes=[Route("/healthz", chassis.answer(4040, "Not Found", status=404)), ',
        "",
    ),
}


def check_a_bad_version(production: Deployment, kind: str) -> None:
    """Check that it stops at the first replica, loses no request, and a good version follows."""
    old, new, said = BAD_VERSIONS[kind]
    app = production.project / "services" / "microservice1" / "app.py"
    good = app.read_text()
    production.config["waitTimeout"] = "12"
    production.up()
    before = ids(production)
    with load(production.url, mixed(production), rate=REQUESTS_PER_SECOND) as report:
        change(app, old, new)
        failed = production.up(check=False)
    assert failed.returncode != 0
    assert f"{production.prefix}router_one did not become healthy" in failed.stdout + failed.stderr
    assert said in failed.stdout + failed.stderr
    after = ids(production)
    assert {name for name in before if before[name] != after.get(name)} == {"router_one"}
    with load(production.url, mixed(production), rate=REQUESTS_PER_SECOND) as mending:
        app.write_text(good)
        production.up()
        production.up("--refresh")  # restores the tag of the previous image
    assert_nothing_lost(report)
    assert_nothing_lost(mending)
    assert ids(production)["router_one"] != after["router_one"]


def check_a_failed_build(deployment: Deployment, folder: Path) -> None:
    """Check that its log is BuildKit's, and that no image is left even if it succeeds then."""
    base = deployment.container("microservice1").attrs["Config"]["Image"]
    build = {"context": str(folder), "buildArgs": {"WHY": "no coffee"}}
    dockerfile = folder / "Dockerfile"
    mounted = "RUN --mount=type=tmpfs,target=/mnt echo mounted: ${WHY}"
    dockerfile.write_text(f"FROM {base}\nARG WHY\n{mounted} && exit 3\n")
    log = build_log.of(build)
    assert log.startswith("mounted: no coffee\n")
    assert "exit code: 3" in log
    dockerfile.write_text(f"FROM {base}\nARG WHY\n{mounted}\n")
    assert build_log.of(build).splitlines()[-1] == "This time the build succeeded."
    assert deployment.engine.images.list(name="build-log") == []


def explained(deployment: Deployment, report: Report) -> str:
    """Return what the clients saw, and what the gateway logged of requests that failed."""
    log = deployment.container("nginx").logs(tail=50_000).decode().splitlines()
    requests = [line for line in log if re.search(r'" 50[024] ', line)]
    errors = [line for line in log if re.search(r" \[(error|crit)\] ", line)]
    return "\n".join([report.summary(), *requests[-20:], *errors[-20:]])
