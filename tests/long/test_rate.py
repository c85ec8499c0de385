"""A client that exceeds its rate limit."""

from tests.support.contract import ENVELOPE, HELLO, ask
from tests.support.deployment import Deployment
from tests.support.polling import wait_until

CALLS = """
import os, urllib.request
url = os.environ["MICROSERVICE2_URL"] + "/who_am_i"
print({urllib.request.urlopen(url, timeout=10).status for _ in range(200)})
"""


def test_a_client_over_its_rate_is_told_so_and_the_next_second_is_served(
    standing: Deployment,
) -> None:
    standing.config["rateLimit"] = "20"
    try:
        standing.up()
        url = standing.url + "/api/v1/say_hello"
        answers = [ask(url) for _ in range(200)]
        refused = [(headers, body) for status, headers, body in answers if status == 429]
        assert len(refused) > 100
        for headers, body in refused:
            assert body == b'{"Code":4290,"Message":"Too Many Requests"}'
            assert {key: headers.get(key) for key in ENVELOPE} == ENVELOPE
            assert headers["retry-after"] == "1"
        wait_until(lambda: ask(url)[2] == HELLO, "served again", 2)
        _, printed = standing.container("microservice1").exec_run(["python3", "-c", CALLS])
        assert printed == b"{200}\n", "a call between services is not counted"
    finally:
        del standing.config["rateLimit"]
        standing.up()
    assert {ask(url)[0] for _ in range(200)} == {200}
