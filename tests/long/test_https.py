"""HTTPS with a certificate from the configuration: what is answered, and its replacement."""

import re
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from playwright.sync_api import expect

from tests.support import chromium
from tests.support.certificates import Authority, config
from tests.support.contract import HELLO, NOT_FOUND, WHO, ask
from tests.support.deployment import ROOT, Deployment
from tests.support.judges import Judgement, judge_pages, judge_tls
from tests.support.load import Request, load
from tests.support.notes import note
from tests.support.plain_sight import in_plain_sight
from tests.support.polling import wait_until
from tests.support.processes import free_ports
from tests.support.steps import previewed
from tests.support.updates import REQUESTS_PER_SECOND, assert_nothing_lost, change, ids, page
from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("https")  # one deployment, at one address
CA = Authority()
ADDRESS = "127.86.83.1"  # of loopback, so that others may have these ports of 127.0.0.1
MISDIRECTED = b'{"Code":4210,"Message":"Misdirected Request"}'


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A production deployment with HTTPS; the second service has a host name of its own."""
    issued = CA.issue_by_another()
    # The judges ask at the usual ports.
    usual = {"bindAddress": ADDRESS, "frontendPort": "80", "httpsPort": "443"}
    own = {"mode": "production", **usual, **config(issued)}
    with Deployment(tmp_path_factory.mktemp("https"), "a passphrase", **own) as one:
        one.set_secret_key("tlsKey", issued.key)
        row = 'prefix="/api/v2/",'
        change(one.project / "topology.py", row, f'{row}\n        host="www.shop.test",')
        up = one.up("--policy-pack", str(ROOT / "policy"))
        assert in_plain_sight(one, [issued.key.splitlines()[1]], up.stdout, up.stderr) == []
        assert '"https://www.shop.test/api/v2/"' in up.stdout
        yield one


@pytest.fixture
def visitor(secure: Deployment) -> Iterator[Visitor]:
    with Visitor(secure.config["httpsPort"], CA.root, address=ADDRESS) as one:
        yield one


def test_page_and_services_are_served_by_http_2(visitor: Visitor) -> None:
    for path, kind in (("/", "text/html"), ("/api/v1/say_hello", "application/json")):
        answer = visitor.get(path)
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert answer.content == HELLO


def test_a_client_of_http_1_is_served_too(secure: Deployment) -> None:
    with Visitor(secure.config["httpsPort"], CA.root, address=ADDRESS, http2=False) as old:
        answer = old.get("/api/v1/say_hello")
    assert (answer.http_version, answer.content) == ("HTTP/1.1", HELLO)


def test_each_host_has_its_own_routes(visitor: Visitor) -> None:
    assert visitor.get("/api/v2/who_am_i", "www.shop.test").content == WHO
    for path, host in (("/api/v2/who_am_i", "shop.test"), ("/", "www.shop.test")):
        answer = visitor.get(path, host)
        assert (answer.status_code, answer.content) == (404, NOT_FOUND)


def test_http_leads_to_https(secure: Deployment) -> None:
    status, headers, _ = ask(f"{secure.url}/api/v1/say_hello?a=b", "POST", {"Host": "shop.test"})
    assert status == 308
    assert headers["location"] == "https://shop.test/api/v1/say_hello?a=b"


def test_an_unknown_host_gets_neither_an_answer_nor_a_certificate(
    secure: Deployment, visitor: Visitor
) -> None:
    status, _, body = ask(f"{secure.url}/api/v1/say_hello", headers={"Host": "other.test"})
    assert (status, body) == (421, MISDIRECTED)
    with pytest.raises(httpx.ConnectError, match="unrecognized name"):
        visitor.get("/", "other.test")
    # An address has no name to be told by.
    with pytest.raises(ssl.SSLError, match=r"handshake failure|unrecognized name"):
        ssl.get_server_certificate((ADDRESS, 443), timeout=15)


def test_the_page_works_in_a_browser(secure: Deployment) -> None:
    with chromium.started(f"--host-resolver-rules=MAP shop.test {ADDRESS}") as browser:
        # It has a store of its own for CAs.
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.goto(f"http://shop.test:{secure.config['frontendPort']}")
        assert page.url == "https://shop.test/"
        answer = page.locator("section").filter(has_text="call say hello").locator("output").first

        def is_answered() -> bool:
            # Chromium ends what it has open when another test changes the machine's networks.
            page.get_by_role("button", name="call say hello", exact=True).click()
            expect(answer).to_have_attribute("data-state", re.compile("^(ok|failed)$"))
            return "Hello Microservice1" in answer.inner_text()

        wait_until(is_answered, "an answer on the page")


def test_its_transport_is_judged_as_the_best(secure: Deployment, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(CA.root)
    assert judge_tls("shop.test", ADDRESS, tmp_path) == Judgement("A+", [])
    secure.stop("microservice1")
    paths = {"/": 200, "/nothing": 404, "/api/v1/say_hello": 502}
    judged = judge_pages("shop.test", ADDRESS, tmp_path / "ca.pem", *paths)
    secure.start("microservice1")
    judged += judge_pages("shop.test", ADDRESS, tmp_path / "ca.pem", "/api/v1/say_hello")
    assert [(one["path"], one["status"]) for one in judged] == [
        *paths.items(),
        ("/api/v1/say_hello", 200),
    ]
    for one in judged:
        assert (one["grade"], one["failed"]) == ("A+", []), one
        note(f"HTTP Observatory, {one['path']} {one['status']}", f"{one['score']}, A+")


def test_a_changed_certificate_is_a_reload_that_loses_nothing(
    secure: Deployment, visitor: Visitor
) -> None:
    issued = CA.issue()
    secure.config["tlsCertificate"] = issued.certificate
    secure.set_secret_key("tlsKey", issued.key)
    assert previewed(secure) == {"frontend-certificate container": "replace uploads"}
    before = ids(secure)
    requests = [
        Request(path=path, bodies=(body,), keep_alive=keep_alive)
        for keep_alive in (True, False)
        for path, body in (("/api/v1/say_hello", HELLO), ("/", page(secure)))
    ]
    first = visitor.certificate()
    with load("https://shop.test", requests, rate=REQUESTS_PER_SECOND, tls=visitor.tls) as report:
        secure.up()
        wait_until(lambda: report.sent > 1000, "enough was asked")
        wait_until(lambda: visitor.certificate() != first, "the new certificate is served")
    assert_nothing_lost(report)
    note("a changed certificate", report.summary())
    changed = {name for name in before if before[name] != ids(secure).get(name)}
    assert [name.rpartition("-")[0] for name in changed] == ["frontend-certificate"]


def test_a_new_image_of_the_gateway_loses_nothing(secure: Deployment, visitor: Visitor) -> None:
    script = secure.project / "nginx" / "gateway"
    script.write_text(f"{script.read_text()}\n# edited\n")
    before = ids(secure)
    requests = [
        Request(path=path, bodies=(body,), keep_alive=keep_alive)
        for keep_alive in (True, False)
        for path, body in (("/api/v1/say_hello", HELLO), ("/", page(secure)))
    ]
    with load("https://shop.test", requests, rate=REQUESTS_PER_SECOND, tls=visitor.tls) as report:
        secure.up()
    assert_nothing_lost(report, seconds=10)
    note("a new image of the gateway, over HTTPS", report.summary())
    assert before["frontend"] == ids(secure)["frontend"]
    assert before["frontend-nginx"] != ids(secure)["frontend-nginx"]


def test_a_developer_has_a_certificate_by_a_ca_of_the_machine(fresh: Deployment) -> None:
    refused = fresh.tool("new-certificate", "shop_1")
    assert "DOMAIN='shop_1' is not right" in refused.stderr
    fresh.environment["XDG_DATA_HOME"] = str(fresh.project.parent / "data")
    made = fresh.tool("new-certificate", "shop.localhost")
    assert made.returncode == 0, made.stderr
    fresh.take_over(httpsPort=str(free_ports(1)[0]))
    fresh.up()
    (root,) = (fresh.project.parent / "data").rglob("ca.pem")
    assert f"trusts {root}" in made.stdout
    with Visitor(fresh.config["httpsPort"], root.read_text()) as visitor:
        answer = visitor.get("/api/v1/say_hello", "shop.localhost")
    assert answer.content == HELLO
    assert "Strict-Transport-Security" not in answer.headers
    (issued,) = x509.load_pem_x509_certificates(str(fresh.config["tlsCertificate"]).encode())
    assert issued.not_valid_after_utc - issued.not_valid_before_utc == timedelta(days=397)
    url = f"https://shop.localhost:{fresh.config['httpsPort']}"
    assert url in fresh.tool("status").stdout
    trusted = root.read_text()
    fresh.tool("new-certificate", "other.localhost").check_returncode()
    assert root.read_text() == trusted
