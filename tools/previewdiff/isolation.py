"""Names, ports and addresses that no other stack on the engine has."""

import ipaddress
import random
import re
import socket
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PORTS = range(20000, 30000)  # below those that the kernel hands out by itself
IPV4 = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")

Subnet = ipaddress.IPv4Network


class Isolation:
    """Replaces each value that two stacks cannot share, and puts it back in what is shown.

    One value has one replacement in both commits, so it shows no difference. Two values have two,
    so a changed default does.
    """

    def __init__(self, stack: str, project: Path, taken: Iterable[Subnet] = ()) -> None:
        self.stack = stack
        self.project = project
        self.id = f"preview-{uuid.uuid4().hex[:8]}"
        self._taken = list(taken)
        self._ports: dict[str, int] = {}  # declared -> replacement, as in the two below
        self._subnets: dict[Subnet, Subnet] = {}
        self._addresses: dict[str, str] = {}
        self._directories: dict[str, str] = {}

    def configuration(self, declared: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the declared keys that need another value, with that value."""
        own = {key: self._own(key, value) for key, value in declared.items()}
        return {key: value for key, value in own.items() if value != declared[key]}

    def plain(self, text: str) -> str:
        """Return the text with the declared values put back."""
        text = text.replace(f"{self.project}/", "")
        for declared, directory in self._directories.items():
            text = text.replace(directory, declared)
        text = text.replace(f"{self.id}-", "").replace(self.id, self.stack)
        for declared, port in self._ports.items():
            text = re.sub(rf"\b{port}\b", declared, text)
        for declared, address in self._addresses.items():
            text = re.sub(rf"\b{re.escape(address)}\b", declared, text)
        for declared_network, network in self._subnets.items():
            text = text.replace(str(network), str(declared_network))
        return IPV4.sub(lambda found: self._plain_address(found[0]), text)

    def plain_json(self, value: Any) -> Any:  # noqa: ANN401  any JSON
        """Return the JSON with the declared values put back, in numbers and texts."""
        if isinstance(value, dict):
            return {self.plain(key): self.plain_json(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.plain_json(inner) for inner in value]
        if isinstance(value, str):
            return self.plain(value)
        declared = (port for port, own in self._ports.items() if value == own)
        return next(map(int, declared), value)

    def _own(self, key: str, value: Any) -> Any:  # noqa: ANN401  what a YAML file holds
        if isinstance(value, dict):
            return {name: self._own(name, one) for name, one in value.items()}
        key, text = key.lower(), str(value)
        if key.endswith("port") and text.isdigit():
            return type(value)(self._port(str(int(text))))
        if key.endswith(("networkname", "nameprefix")):
            return f"{self.id}-{text}"
        if key.endswith("subnet"):
            return self._subnet(text)
        if key.endswith("acmedirectory"):
            return self._no_ca(text)
        return self._loopback(text) if key.endswith("bindaddress") else value

    def _no_ca(self, declared: str) -> str:
        """Return a CA that cannot be asked: a preview must get no certificate."""
        number = len(self._directories)
        return self._directories.setdefault(declared, f"https://{self.id}.invalid/{number}")

    def _port(self, declared: str) -> int:
        if declared not in self._ports:
            self._ports[declared] = _free_port(set(self._ports.values()))
        return self._ports[declared]

    def _loopback(self, declared: str) -> str:
        """Return a loopback address: the preview must not be reachable from the network."""
        if declared.startswith("127."):
            return declared
        if declared not in self._addresses:
            self._addresses[declared] = f"127.86.82.{len(self._addresses) + 1}"
        return self._addresses[declared]

    def _subnet(self, declared: str) -> str:
        try:
            network = Subnet(declared)
        except ValueError:
            return declared  # the program says what is wrong with it
        if network not in self._subnets:
            self._subnets[network] = own = _free_subnet(network.prefixlen, self._taken)
            self._taken.append(own)
        return str(self._subnets[network])

    def _plain_address(self, text: str) -> str:
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            return text
        for declared, own in self._subnets.items():
            if address in own:
                return str(declared[int(address) - int(own[0])])
        return text


def _free_port(others: set[int]) -> int:
    while True:
        port = random.choice(PORTS)  # noqa: S311  it need not be a secret
        with socket.socket() as probe:
            if port not in others and probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def _free_subnet(length: int, taken: Iterable[Subnet]) -> Subnet:
    taken = list(taken)
    while True:
        start = ipaddress.IPv4Address(f"10.{random.randint(128, 250)}.{random.randint(0, 255)}.0")  # noqa: S311  likewise
        network = Subnet((start, length), strict=False)
        if not any(network.overlaps(other) for other in taken):
            return network
