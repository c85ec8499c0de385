"""Make a certificate by a CA of this machine, for a stack that is not on the internet."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from infra import keys
from infra.settings import FILES
from tools.operate import stack_keys
from tools.setup import paths
from tools.setup.errors import Problem

VALID = timedelta(days=397)  # the longest that browsers accept


def add(stack: str, names: str) -> Path:
    """Set the keys of HTTPS in the stack's configuration; return the file to trust.

    The CA is made once, and kept for the next certificate. The key is stored encrypted.
    Raises Problem for what are no host names.
    """
    try:
        found = keys.DOMAIN.convert(names)
    except ValueError:
        found = ()
    if not found:
        raise Problem(f"DOMAIN={names!r} is not right", remedy=f"it must be {keys.DOMAIN.right}")
    authority, file = _authority(paths.data() / "ca")
    begin = datetime.now(UTC) - timedelta(hours=1)  # the clock of another machine may be behind
    issued = authority.issue_cert(*found, not_before=begin, not_after=begin + VALID)
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    stack_keys.put(stack, "tlsKey", issued.private_key_pem.bytes(), secret=True)
    stack_keys.put(stack, "tlsCertificate", chain)
    stack_keys.put(stack, "domain", names.encode())
    stack_keys.put(stack, "tls", FILES.encode())
    return file


def _authority(folder: Path) -> tuple[trustme.CA, Path]:
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if not key.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = trustme.CA(organization_name="microservices on this machine")
        certificate.write_bytes(made.cert_pem.bytes())
        partial = folder / f".ca.key.{os.getpid()}"
        partial.touch(mode=0o600)
        partial.write_bytes(made.private_key_pem.bytes())
        partial.replace(key)
    return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes()), certificate
