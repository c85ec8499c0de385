"""A client that asks a gateway by its host names, without DNS."""

import socket
import ssl
from typing import Self

import httpx

from tests.support.load import Tls

SECONDS = 15
CONNECTIONS = 20


class Visitor:
    """Asks a gateway on loopback, and accepts a certificate of one CA only."""

    def __init__(
        self, port: int | str, root: str, *, address: str = "127.0.0.1", http2: bool = True
    ) -> None:
        self.port, self.address = int(port), address
        self.context = ssl.create_default_context(cadata=root)
        self._client = httpx.Client(
            http2=http2, verify=self.context, timeout=SECONDS, trust_env=False
        )

    def get(self, path: str, host: str = "shop.test") -> httpx.Response:
        return self._client.get(
            f"https://{self.address}:{self.port}{path}",
            headers={"Host": host},
            extensions={"sni_hostname": host},
        )

    def certificate(self, host: str = "shop.test") -> bytes:
        """Return the certificate that a new connection is shown."""
        with (
            socket.create_connection((self.address, self.port), SECONDS) as plain,
            self.context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""

    def is_served(self, host: str = "shop.test") -> bool:
        """Return whether each new connection is shown a certificate for the host.

        After a reload nginx's former workers, without it, may accept for some time.
        """
        try:
            return all(self.certificate(host) for _ in range(CONNECTIONS))
        except OSError:
            return False

    @property
    def tls(self) -> Tls:
        return Tls(self.address, self.context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
