"""Certificates of a CA of the test's own."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import trustme

DOMAIN = ("shop.test", "www.shop.test")


class Issued(NamedTuple):
    certificate: str  # PEM, with its issuers
    key: str


class Authority:
    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.root = self._ca.cert_pem.bytes().decode()

    def issue(self, *names: str, days: int = 90, ca: trustme.CA | None = None) -> Issued:
        end = datetime.now(UTC) + timedelta(days=days, hours=1)
        begin = end - timedelta(days=abs(days) + 90)
        one = (ca or self._ca).issue_cert(*(names or DOMAIN), not_before=begin, not_after=end)
        chain = "".join(part.bytes().decode() for part in one.cert_chain_pems)
        return Issued(chain, one.private_key_pem.bytes().decode())

    def issue_by_another(self, *names: str) -> Issued:
        """Return a certificate by an intermediate CA, followed by that one's."""
        return self.issue(*names, ca=self._ca.create_child_ca())


def config(issued: Issued, domain: Sequence[str] = DOMAIN) -> dict[str, object]:
    return {
        "tls": "files",
        "domain": " ".join(domain),
        "tlsCertificate": issued.certificate,
        "tlsKey": issued.key,
    }
