"""Pebble, the ACME CA of Let's Encrypt for tests, and a DNS server that says what a test wants."""

import json
import os
import re
import ssl
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Self

import trustme

from tests.support import go_module
from tests.support.cached import partial_of
from tests.support.polling import wait_until
from tests.support.processes import free_ports
from tools.setup import paths

# The module and its checksum, as in go.sum.
MODULE = "github.com/letsencrypt/pebble/v2"
VERSION = "v2.10.1"
SUM = "h1:oKHx3lgN4e5Nno2LKTMrVx+b+NkDptkO9aDireiBDGE="
PROGRAMS = ("pebble", "pebble-challtestsrv")
ANSWER_SECONDS = 10


class Pebble:
    """A CA whose directory is at `address`.

    It proves a name by a request to `http_port` of the name's address, which is 127.0.0.1 unless
    `point` says otherwise. `validity` is how many seconds its certificates are valid.
    """

    def __init__(self, address: str, http_port: int, *, validity: int = 7_776_000) -> None:
        self._port, self._management, self._dns, self._names = free_ports(4)
        self.directory = f"https://{address}:{self._port}/dir"
        self._authority = trustme.CA()
        self.directory_root = self._authority.cert_pem.bytes().decode()
        self._folder = Path(tempfile.mkdtemp(prefix="pebble-"))
        self._processes: list[subprocess.Popen[bytes]] = []
        issued = self._authority.issue_cert(address, "127.0.0.1")
        for name, blob in (("key", issued.private_key_pem), ("cert", issued.cert_chain_pems[0])):
            (self._folder / name).write_bytes(blob.bytes())
        config = {
            "listenAddress": f"0.0.0.0:{self._port}",
            "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": str(self._folder / "cert"),
            "privateKey": str(self._folder / "key"),
            "httpPort": http_port,
            "tlsPort": http_port,
            "profiles": {"default": {"description": "of a test", "validityPeriod": validity}},
            "retryAfter": {"authz": 1, "order": 1},
        }
        (self._folder / "config").write_text(json.dumps({"pebble": config}))

    def __enter__(self) -> Self:
        pebble, names = _built()
        self._run(
            names,
            *("-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", ""),
            *("-tlsalpn01", "", "-doh", "", "-dnsserver", f"127.0.0.1:{self._dns}"),
            *("-management", f"127.0.0.1:{self._names}"),
        )
        self._run(
            pebble, "-config", self._folder / "config", "-dnsserver", f"127.0.0.1:{self._dns}"
        )
        wait_until(self._answers, "Pebble answers")
        return self

    def root(self) -> str:
        """Return the root of the certificates that it issues, in PEM format."""
        return self._ask(f"https://127.0.0.1:{self._management}/roots/0").decode()

    def accounts(self) -> int:
        return max(map(int, re.findall(r"There are now (\d+) accounts in memory", self._log())))

    def issued(self) -> int:
        return self._log().count("Issued certificate serial")

    def point(self, name: str, address: str) -> None:
        """Let the name lead to another address than 127.0.0.1."""
        body = json.dumps({"host": name, "addresses": [address]}).encode()
        self._ask(f"http://127.0.0.1:{self._names}/clear-a", body)
        self._ask(f"http://127.0.0.1:{self._names}/add-a", body)

    def _log(self) -> str:
        return (self._folder / "log").read_text()

    def _answers(self) -> bool:
        try:
            return bool(self.root())
        except OSError:
            return False

    def _ask(self, url: str, body: bytes | None = None) -> bytes:
        trusted = ssl.create_default_context(cadata=self.directory_root)
        with urllib.request.urlopen(url, body, ANSWER_SECONDS, context=trusted) as answer:
            said: bytes = answer.read()
            return said

    def _run(self, *command: str | Path) -> None:
        with (self._folder / "log").open("ab") as log:
            environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1"}
            self._processes.append(
                subprocess.Popen(command, stdout=log, stderr=log, env=environment)
            )

    def __exit__(self, *_: object) -> None:
        for one in self._processes:
            one.terminate()
            one.wait(ANSWER_SECONDS)


def _built() -> list[Path]:
    """Return the programs, which are built once into the cache."""
    folder = paths.cache() / f"pebble-{VERSION}"
    if not folder.exists():
        with partial_of(folder) as partial:
            go_module.build(f"{MODULE}@{VERSION}", SUM, partial, *PROGRAMS)
    return [folder / name for name in PROGRAMS]
