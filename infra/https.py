"""Refuses a configuration of HTTPS that cannot work, before anything is changed."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from itertools import pairwise

import pulumi
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from infra import keys, sources
from infra.reader import Reader
from infra.settings import ACME, FILES, HTTP_PORT, OFF, Settings

WARN_DAYS = 21
CERTBOT = "certificates/certbot.ini"


def wrong(settings: Settings, reader: Reader) -> Iterator[str]:
    """Return a line for each contradiction between the keys of HTTPS."""
    source = settings.tls.source
    if source == OFF:
        return
    if not settings.domain:
        yield f"domain: it is empty; tls {source!r} needs a host name, {_set('domain', 'NAME')}"
        return
    if source == ACME:
        yield from _acme(settings)
    if source == FILES:
        yield from _files(settings, reader)


def _acme(settings: Settings) -> Iterator[str]:
    if settings.swarm:
        yield (
            "tls: 'acme' is not right; each node of a swarm would ask for a certificate of its "
            f"own, so get one elsewhere and {_set('tls', FILES)}"
        )
    if not settings.tls.email:
        yield (
            "acmeEmail: it is empty; the CA writes there before a certificate ends, "
            + _set("acmeEmail", "ADDRESS")
        )
    if not _asks_by_http():
        return
    for name in settings.host_names:
        if name.startswith("*."):
            yield (
                f"domain: {name!r} is not right; a CA proves it by DNS only, which docs/https.md "
                "describes"
            )
    if settings.tls.directory != keys.LETS_ENCRYPT:
        return  # a CA of one's own may ask elsewhere
    if settings.frontend_port != HTTP_PORT:
        yield (
            f"frontendPort: {settings.frontend_port} is not right; the CA asks at port 80, "
            + _set("frontendPort", str(HTTP_PORT))
        )
    if IPv4Address(settings.bind_address).is_loopback:
        yield (
            f"bindAddress: {settings.bind_address!r} is not right; the CA reaches no address of "
            f"this machine alone, {_set('bindAddress', '0.0.0.0')}"  # noqa: S104  a suggestion
        )


def _asks_by_http() -> bool:
    text = (sources.ROOT / CERTBOT).read_text()
    return bool(re.search(r"^authenticator = webroot$", text, re.MULTILINE))


def _files(settings: Settings, reader: Reader) -> Iterator[str]:
    tls = settings.tls
    if not tls.certificate:
        yield f"tlsCertificate: it is empty; {_file('tlsCertificate')}"
    if not tls.key:
        yield f"tlsKey: it is empty; {_file('--secret tlsKey')}"
    elif not reader.is_secret("tlsKey"):
        yield f"tlsKey: it is stored as plain text; {_file('--secret tlsKey')} encrypts it"
    if not tls.certificate or not tls.key:
        return
    try:
        chain = x509.load_pem_x509_certificates(tls.certificate.encode())
    except ValueError:
        yield "tlsCertificate: it is not right; it must be certificates in PEM format"
        return
    yield from _certificate(chain, settings.host_names)
    try:
        public = load_pem_private_key(tls.key.encode(), None).public_key()
    except (ValueError, TypeError):
        yield "tlsKey: a secret value is not right; it must be a private key without a passphrase"
        return
    if _bytes(public) != _bytes(chain[0].public_key()):
        yield "tlsKey: a secret value is not right; it must be the key of tlsCertificate"


def _certificate(chain: list[x509.Certificate], names: tuple[str, ...]) -> Iterator[str]:
    leaf = chain[0]
    now = datetime.now(UTC)
    if leaf.not_valid_after_utc <= now:
        yield f"tlsCertificate: it ended on {leaf.not_valid_after_utc:%Y-%m-%d}; set a newer one"
    if leaf.not_valid_before_utc > now:
        yield f"tlsCertificate: it is valid only from {leaf.not_valid_before_utc:%Y-%m-%d} on"
    left = (leaf.not_valid_after_utc - now).days
    if 0 <= left < WARN_DAYS:
        pulumi.log.warn(f"tlsCertificate ends in {left} days.")
    covered = _names(leaf)
    for name in names:
        if not {name, f"*.{name.partition('.')[2]}"} & covered:
            there = ", ".join(sorted(covered)) or "no names"
            yield f"tlsCertificate: {name!r} of this stack is missing in it; it has {there}"
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            yield (
                f"tlsCertificate: {issuer.subject.rfc4514_string()!r} did not issue the "
                "certificate above it; each must be followed by its issuer"
            )
    if len(chain) == 1 and _names_its_issuer(leaf):
        yield (
            "tlsCertificate: it has one certificate, and clients need that of "
            f"{leaf.issuer.rfc4514_string()!r} too; put it below"
        )


def _names(leaf: x509.Certificate) -> set[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return {name.lower() for name in found.value.get_values_for_type(x509.DNSName)}


def _names_its_issuer(leaf: x509.Certificate) -> bool:
    """Return whether a CA signed it that clients know by another: it says where its own is."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except x509.ExtensionNotFound:
        return False
    issuers = x509.oid.AuthorityInformationAccessOID.CA_ISSUERS
    return any(one.access_method == issuers for one in found.value)


def _bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _set(key: str, value: str) -> str:
    return keys.set_command(key, value)


def _file(key: str) -> str:
    return f"pulumi config set {key} < FILE"
