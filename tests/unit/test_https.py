"""A configuration of HTTPS that cannot work is refused, and a secret is never shown."""

import re
from collections.abc import Mapping

import pytest

from infra import keys
from infra.admission import Refused
from tests.support import configured
from tests.support.certificates import Authority, Issued, config

CA = Authority()
GOOD = CA.issue()
ACME = {
    "mode": "production",
    "tls": "acme",
    "domain": "shop.example.com",
    "acmeEmail": "admin@example.com",
    "bindAddress": "0.0.0.0",
}


def errors(stack: Mapping[str, object], secret: tuple[str, ...] = ("tlsKey",)) -> list[str]:
    with pytest.raises(Refused) as raised:
        configured.read(stack, secret)
    assert not any("PRIVATE KEY" in line for line in raised.value.lines)
    return raised.value.lines


def test_a_certificate_and_its_key_are_taken() -> None:
    settings = configured.read(config(GOOD), ("tlsKey",))
    assert settings.secure
    assert settings.host_names == ("shop.test", "www.shop.test")
    assert settings.gateway_url() == "https://shop.test"
    assert GOOD.key.strip() not in repr(settings)


def test_a_wildcard_covers_one_label() -> None:
    wild = CA.issue("*.shop.test")
    assert configured.read(config(wild, ["api.shop.test"]), ("tlsKey",)).secure
    (line,) = errors(config(wild, ["a.b.shop.test"]))
    assert (
        line == "tlsCertificate: 'a.b.shop.test' of this stack is missing in it; it has *.shop.test"
    )


def test_a_chain_is_in_its_order() -> None:
    issued = CA.issue_by_another()
    assert configured.read(config(issued), ("tlsKey",)).secure
    other = CA.issue_by_another().certificate
    begin = "-----BEGIN"
    foreign = f"{begin}{issued.certificate.split(begin)[1]}{begin}{other.split(begin)[2]}"
    (line,) = errors(config(Issued(foreign, issued.key)))
    assert "did not issue the certificate above it; each must be followed by its issuer" in line


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"domain": ""}, "domain: it is empty; tls 'files' needs a host name"),
        ({"tlsCertificate": ""}, "tlsCertificate: it is empty; pulumi config set"),
        ({"tlsKey": ""}, "tlsKey: it is empty; pulumi config set --secret tlsKey < FILE"),
        ({"tlsCertificate": "-----BEGIN nothing"}, "tlsCertificate: it is not right; it must be"),
        ({"tlsCertificate": "shop"}, "tlsCertificate: 'shop' is not right; it must be a text in"),
        ({"tlsKey": "shop"}, "tlsKey: a secret value is not right; it must be a text in PEM"),
        ({"tlsKey": "-----BEGIN x"}, "tlsKey: a secret value is not right; it must be a private"),
        ({"tlsKey": CA.issue().key}, "tlsKey: a secret value is not right; it must be the key of"),
        ({"domain": "shop.test x.test"}, "tlsCertificate: 'x.test' of this stack is missing"),
        ({"tlsCertificate": CA.issue(days=-3).certificate}, "tlsCertificate: it ended on "),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, object], line: str) -> None:
    assert any(one.startswith(line) for one in errors({**config(GOOD), **wrong}))


def test_a_key_in_plain_text_is_refused() -> None:
    (line,) = errors(config(GOOD), ())
    assert line == (
        "tlsKey: it is stored as plain text; pulumi config set --secret tlsKey < FILE encrypts it"
    )


def test_what_a_ca_needs() -> None:
    settings = configured.read(ACME)
    assert settings.tls.directory == keys.LETS_ENCRYPT
    assert "frontend-certificates" in settings.containers


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"domain": "shop_1"}, "domain: 'shop_1' is not right; it must be host names"),
        ({"domain": "*.example.com"}, "domain: '*.example.com' is not right; a CA proves it by"),
        ({"acmeEmail": ""}, "acmeEmail: it is empty; the CA writes there"),
        ({"acmeEmail": "me"}, "acmeEmail: 'me' is not right; it must be an e-mail address"),
        ({"acmeDirectory": "ca"}, "acmeDirectory: 'ca' is not right; it must be the https address"),
        ({"acmeRoot": "ca"}, "acmeRoot: 'ca' is not right; it must be a text in PEM format"),
        ({"frontendPort": "8000"}, "frontendPort: 8000 is not right; the CA asks at port 80, "),
        ({"bindAddress": "127.0.0.1"}, "bindAddress: '127.0.0.1' is not right; the CA reaches no"),
        ({"mode": "swarm"}, "tls: 'acme' is not right; each node of a swarm would ask"),
        ({"tls": "on"}, "tls: 'on' is not right; it must be off, acme or files"),
        ({"httpsPort": "80"}, "httpsPort: 80 is the host port of frontendPort too; "),
    ],
)
def test_what_no_ca_can_do_is_refused(wrong: dict[str, object], line: str) -> None:
    assert any(one.startswith(line) for one in errors({**ACME, **wrong}))


def test_a_ca_of_ones_own_may_ask_elsewhere() -> None:
    own = {"acmeDirectory": "https://ca.internal/acme", "bindAddress": "127.0.0.1"}
    assert configured.read({**ACME, **own, "frontendPort": "8000"}).secure


def test_certbot_asks_as_the_checks_believe() -> None:
    assert re.search(
        r"^authenticator = webroot$",
        (configured.ROOT / "certificates/certbot.ini").read_text(),
        re.MULTILINE,
    )
