"""The deployed services answer exactly as specified, through the gateway and directly."""

import json

import pytest

from tests.support.contract import CASES, ENVELOPE, HELLO, INTRODUCED, NOT_FOUND, WHO, ask
from tests.support.deployment import Deployment
from tests.support.polling import wait_until
from topology import SERVICES


@pytest.mark.parametrize("case", CASES)
def test_answers(deployment: Deployment, case: tuple[str, str, str, str, int, bytes]) -> None:
    service, prefix, path, method, status, body = case
    direct = f"http://127.0.0.1:{deployment.ports[service]}{path}"
    for url in (direct, deployment.url + prefix + path):
        seen, headers, content = ask(url, method)
        assert (seen, content) == (status, b"" if method == "HEAD" else body), url
        assert {key: headers.get(key) for key in ENVELOPE} == ENVELOPE, url


def test_the_page(deployment: Deployment) -> None:
    status, headers, content = ask(deployment.url + "/")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert content == (deployment.project / "frontend" / "index.html").read_bytes()
    assert headers["server"] == "nginx"


def test_the_request_id_joins_both_logs(deployment: Deployment) -> None:
    ask(deployment.url + "/api/v1/find_me")
    entry = json.loads(wait_for_line(deployment, "microservice1", "find_me"))
    assert len(entry["request_id"]) == 32
    assert "/api/v1/find_me" in wait_for_line(deployment, "frontend", entry["request_id"])


def wait_for_line(deployment: Deployment, service: str, text: str) -> str:
    """The log line that contains the text; a line may follow its answer."""
    found: list[str] = []

    def logged() -> bool:
        lines = deployment.container(service).logs(tail=200).decode().splitlines()
        found.extend(line for line in lines if text in line)
        return bool(found)

    wait_until(logged, f"{service} logs {text}")
    return found[-1]


def test_what_a_client_forwards_is_not_believed(deployment: Deployment) -> None:
    forged = {"X-Forwarded-For": "192.0.2.6", "X-Real-IP": "192.0.2.6", "X-Service": "another"}
    url = deployment.url + "/api/v1/say_hello"
    status, headers, _ = ask(url, headers={**forged, "X-Request-ID": "mine", "X-Trace": "1"})
    assert status == 200
    arrived = json.loads(headers["x-trace"])["headers"]
    assert arrived["x-service"] == "microservice1"
    assert arrived["x-real-ip"] == arrived["x-forwarded-for"] != "192.0.2.6"
    assert arrived["x-request-id"] != "mine"


def test_the_request_id_joins_the_logs_of_a_call_between_services(deployment: Deployment) -> None:
    assert ask(deployment.url + "/api/v1/introduce?find_us")[2] == INTRODUCED
    line = wait_for_line(deployment, "frontend", "/introduce?find_us")
    request_id = line.split()[-2]
    assert len(request_id) == 32
    for service, path in (("microservice1", "/introduce"), ("microservice2", "/who_am_i")):
        entry = json.loads(wait_for_line(deployment, service, request_id))
        assert (entry["path"], entry["status"]) == (path, 200)
    wait_for_line(deployment, "frontend", '"GET /microservice2/who_am_i HTTP/1.1" 200')


@pytest.mark.parametrize("service", [service.name for service in SERVICES])
def test_a_name_leads_to_a_service_and_a_call_to_what_is_declared(
    standing: Deployment, service: str
) -> None:
    """Only microservice1 calls another, and only microservice2."""
    for name in ("microservice1", "router_one"):
        assert asked_from(standing, service, f"http://{name}:8080/say_hello") == (200, HELLO)
    declared = (200, WHO) if service == "microservice1" else (404, NOT_FOUND)
    inner = "http://frontend:8000"
    assert asked_from(standing, service, f"{inner}/microservice2/who_am_i") == declared
    assert asked_from(standing, service, f"{inner}/microservice1/say_hello") == (404, NOT_FOUND)
    assert asked_from(standing, service, f"{inner}/") == (404, NOT_FOUND)


def asked_from(deployment: Deployment, service: str, url: str) -> tuple[int, bytes]:
    """What a request from within the service's container is answered with."""
    _, printed = deployment.container(service).exec_run(["python3", "-c", ASK, url])
    status, body = eval(bytes(printed))  # type: ignore[arg-type]  # not streamed
    return status, body


ASK = """
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print((answer.status, answer.read()))
"""


def test_a_service_that_is_down_is_a_502_in_the_envelope(deployment: Deployment) -> None:
    deployment.stop("microservice2")
    try:
        status, headers, content = ask(deployment.url + "/api/v2/who_am_i")
        assert (status, content) == (502, b'{"Code":5020,"Message":"Bad Gateway"}')
        assert {key: headers.get(key) for key in ENVELOPE} == ENVELOPE
        assert ask(deployment.url + "/")[0] == 200
        assert ask(deployment.url + "/api/v1/say_hello")[2] == HELLO
        status, headers, content = ask(deployment.url + "/api/v1/introduce?without")
        assert (status, content) == (502, b'{"Code":5020,"Message":"Bad Gateway"}')
        assert {key: headers.get(key) for key in ENVELOPE} == ENVELOPE
        request_id = wait_for_line(deployment, "frontend", "/introduce?without").split()[-2]
        entry = json.loads(wait_for_line(deployment, "microservice1", request_id))
        assert entry["status"] == 502
        assert entry["error"].startswith("GET http://frontend:8000/microservice2/who_am_i: ")
        assert "status 502" in entry["error"]
    finally:
        deployment.start("microservice2")
    wait_until(lambda: ask(deployment.url + "/api/v2/who_am_i")[2] == WHO, "found again", 5)
