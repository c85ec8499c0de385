"""Refuses a certificate and a key from the configuration that clients would not accept."""

from collections.abc import Iterator
from datetime import UTC, datetime
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

WARN_DAYS = 21


def wrong(certificate: str, key: str, names: tuple[str, ...]) -> Iterator[str]:
    """Return a line for each error. `names` must all be in the certificate."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except ValueError:
        yield "tlsCertificate: it is not right; it must be certificates in PEM format"
        return
    yield from _certificate(chain, names)
    try:
        public = load_pem_private_key(key.encode(), None).public_key()
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
