"""What the container that asks the CA says of a failure, and when it asks again."""

from datetime import timedelta
from pathlib import Path

import pytest

from certificates import renew
from tests.support.certificates import Authority
from tools.operate import certificate

# As certbot 5.8.0 prints it.
REFUSED = """\
Saving debug log to /tmp/log/letsencrypt.log
Requesting a certificate for shop.test and new.test

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority \
reported these problems:
  Identifier: new.test
  Type:   connection
  Detail: 127.0.0.9: Fetching http://new.test/.well-known/acme-challenge/x: Connection refused

Hint: The Certificate Authority failed to download the temporary challenge files created by Certbot.

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile.
"""


@pytest.fixture(autouse=True)
def _volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, file in (("SERVED", "site.pem"), ("GOOD", "good"), ("BAD", "bad")):
        monkeypatch.setattr(renew, name, tmp_path / file)
    monkeypatch.setenv("NAMES", "shop.test")


def test_the_reason_is_what_the_ca_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert renew.reason(REFUSED) == (
        "new.test: 127.0.0.9: Fetching http://new.test/.well-known/acme-challenge/x: "
        "Connection refused"
    )
    assert capsys.readouterr().out == f"{REFUSED}\n"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("An unexpected error occurred:\nNo route\nAsk for help or search\n", "No route"),
        ("\n", "certbot ended without a reason"),
    ],
)
def test_otherwise_it_is_its_last_words(output: str, reason: str) -> None:
    assert renew.reason(output) == reason


def test_patience_grows_while_there_is_no_certificate() -> None:
    minutes = [renew.pause(failures) / timedelta(minutes=1) for failures in range(1, 8)]
    assert minutes == [1, 5, 15, 30, 60, 60, 60]


def test_a_long_lived_certificate_is_looked_at_every_six_hours() -> None:
    renew.SERVED.write_text(Authority().issue().certificate)
    assert renew.pause(0) == timedelta(hours=6)
    assert renew.pause(1) == timedelta(minutes=1)
    assert "90 days left" in renew.state("", 0)
    assert "90 days left; the CA is asked again at " in renew.state("no route", 1)


def test_an_expired_one_is_called_so() -> None:
    renew.SERVED.write_text(Authority().issue(days=-1).certificate)
    assert renew.state("", 0) == "expired"


def test_the_health_check_prints_the_state_and_fails_with_the_ca() -> None:
    renew.tell("all is well")
    assert (renew.GOOD.read_text(), renew.BAD.exists()) == ("shop.test: all is well\n", False)
    renew.tell("no route", good=False)
    assert (renew.BAD.read_text(), renew.GOOD.exists()) == ("shop.test: no route\n", False)
    assert f'tell("{certificate.ASKED}")' in Path(renew.__file__).read_text()
