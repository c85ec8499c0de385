"""A certificate for the temporary stack: a preview has no passphrase to decrypt the stack's key."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import trustme

from infra.settings import FILES
from tools.previewdiff.stack_file import rows


def put(content: dict[str, Any], project: Path) -> dict[str, str]:
    """Replace the certificate in the stack's file; return the key that fits it, by its path.

    A certificate that was set anew has another stand-in.
    """
    config = content["config"]
    found = {key.rpartition(":")[2]: key for key in config}
    if "tlsKey" not in found or config.get(found.get("tls", "")) != FILES:
        return {}
    names = str(config.get(found.get("domain", ""), "")).split()
    hosts = [row.host for row in rows(project) if getattr(row, "host", "")]
    declared = (str(config.pop(found["tlsKey"])), str(config.get(found.get("tlsCertificate", ""))))
    certificate, key = _issued(declared, tuple(sorted({*names, *hosts})))
    config[found["tlsKey"].replace("tlsKey", "tlsCertificate")] = certificate
    return {"tlsKey": key}


@cache
def _issued(_: tuple[str, str], names: Sequence[str]) -> tuple[str, str]:
    one = trustme.CA().issue_cert(*names)
    return _text(one.cert_chain_pems), _text([one.private_key_pem])


def _text(blobs: Iterable[trustme.Blob]) -> str:
    return "".join(blob.bytes().decode() for blob in blobs)
