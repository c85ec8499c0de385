"""Production mode: who can reach what, and updates that lose no request."""

from docker.models.containers import Container

from tests.support.contract import HELLO, INTRODUCED, ask
from tests.support.deployment import Deployment, reaches
from tests.support.load import Request, load
from tests.support.polling import wait_until
from tests.support.updates import (
    REQUESTS_PER_SECOND,
    assert_nothing_lost,
    change,
    check_a_bad_version,
    edit_code,
    explained,
    ids,
    mixed,
    page,
)

CALLS_PER_SECOND = 50


def networks(container: Container) -> dict[str, str]:
    attached = container.attrs["NetworkSettings"]["Networks"]
    return {name: entry["IPAddress"] for name, entry in attached.items()}


def test_only_the_gateway_is_open_and_nothing_of_the_host_is_mounted(
    production: Deployment,
) -> None:
    published = {
        str(c.name).removeprefix(production.prefix): c.attrs["HostConfig"]["PortBindings"]
        for c in production.containers()
        if c.attrs["HostConfig"]["PortBindings"]
    }
    port = production.config["frontendPort"]
    assert published == {"frontend": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]}}
    mounts = [m for c in production.containers() for m in c.attrs["Mounts"]]
    assert {m["Type"] for m in mounts} == {"volume"}
    service, gateway = production.container("microservice1"), production.container("frontend")
    assert list(networks(service)) == [production.config["networkName"]]
    assert reaches(gateway, "router_one", 8080)
    assert reaches(service, "router_two", 8080)
    edge = networks(gateway)[f"{production.config['networkName']}-edge"]
    assert not reaches(service, edge, 80)
    _, headers, body = ask(f"{production.url}/api/v1/say_hello", headers={"X-Trace": "1"})
    assert body == HELLO
    assert "x-trace" not in headers


def test_updates_lose_nothing(production: Deployment) -> None:
    """Code, replicas, the page and nginx.conf: each takes effect, and no client notices.

    Nor does a service that calls another.
    """
    before = ids(production)
    new_page = page(production).replace(b"<h1>", b"<h1>New: ")
    introduce = [Request(path="/api/v1/introduce", bodies=(INTRODUCED,))]
    with (
        load(production.url, mixed(production, new_page), rate=REQUESTS_PER_SECOND) as report,
        load(production.url, introduce, rate=CALLS_PER_SECOND) as calls,
    ):
        edit_code(production)
        edit_code(production, "microservice2")
        production.set_service("microservice2", replicas=3)
        production.up()
        (production.project / "frontend" / "index.html").write_bytes(new_page)
        change(production.project / "nginx" / "nginx.conf", "# The gateway", "# The new gateway")
        production.set_service("microservice2", replicas=1)
        production.up()
    for clients in (report, calls):
        assert clients.losses == [], explained(production, clients)
    assert_nothing_lost(report, seconds=10)
    assert_nothing_lost(calls, seconds=10, rate=CALLS_PER_SECOND)
    after = ids(production)
    assert ask(production.url + "/")[2] == new_page
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"router_one", "router_one_2", "router_two", "router_two_2", "frontend-site"}
    production.set_service("microservice2", replicas=2)
    production.up()


def test_a_broken_gateway_configuration_changes_nothing(production: Deployment) -> None:
    conf = production.project / "nginx" / "nginx.conf"
    good = conf.read_text()
    before = ids(production)
    change(conf, "events {", "no_such_directive;\nevents {")
    with load(production.url, mixed(production), rate=REQUESTS_PER_SECOND) as report:
        failed = production.up(check=False)
    assert failed.returncode != 0
    conf.write_text(good)
    assert "no_such_directive" in failed.stdout + failed.stderr
    assert ids(production) == before
    assert_nothing_lost(report, seconds=1)  # a build that fails is quick


def test_a_bad_version_stops_at_the_first_replica(production: Deployment) -> None:
    check_a_bad_version(production, "crashes")


PUBLISH_BROKEN = """
cp -a /site/current/. /site/broken
echo broken > /site/broken/version
echo 'no_such_directive;' >> /site/broken/nginx/nginx.conf
echo 'a new page' > /site/broken/frontend/index.html
echo '{}' > /site/broken/generated/topology.json
ln -sfn broken /site/.next
mv -T /site/.next /site/current
"""
WITHDRAW = """
for version in /site/*/; do [[ $version == */broken/ ]] || last=$(basename "$version"); done
ln -sfn "$last" /site/.next
mv -T /site/.next /site/current
rm -rf /site/broken
"""


def test_content_that_nginx_refuses_changes_neither_page_nor_routes(
    production: Deployment,
) -> None:
    """The build tests it already; this is what else may get into the volume."""

    def in_the_volume(script: str) -> None:
        production.engine.containers.run(
            production.container("frontend").attrs["Image"],
            ["-euc", script],
            entrypoint="bash",
            volumes={f"{production.prefix}site": {"bind": "/site", "mode": "rw"}},
            remove=True,
        )

    def refusals() -> int:
        log = production.container("nginx").logs().decode()
        return log.count("nginx rejects this configuration")

    served = [ask(production.url + path)[2] for path in ("/", "/topology.json")]
    before = refusals()
    in_the_volume(PUBLISH_BROKEN)
    try:
        wait_until(lambda: refusals() > before, "it is refused")
        assert [ask(production.url + path)[2] for path in ("/", "/topology.json")] == served
        assert ask(f"{production.url}/api/v1/say_hello")[2] == HELLO
    finally:
        in_the_volume(WITHDRAW)
