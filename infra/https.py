"""Refuses a configuration of HTTPS that cannot work, before anything is changed."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

from infra import keys, sources
from infra.reader import Reader
from infra.settings import ACME, FILES, HTTP_PORT, OFF, Settings

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
    from infra import pem  # noqa: PLC0415  its library takes longer to load than all checks here

    yield from pem.wrong(tls.certificate, tls.key, settings.host_names)


def _set(key: str, value: str) -> str:
    return keys.set_command(key, value)


def _file(key: str) -> str:
    return f"pulumi config set {key} < FILE"
