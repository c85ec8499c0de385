"""Reads values from pulumi.Config, checks each by its rule and collects the errors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pulumi

from infra import keys
from infra.keys import DEFAULTS, Rule
from topology import GATEWAY

V = TypeVar("V")
T = TypeVar("T")


class Reader:
    """A wrong value adds a line to `errors` and is replaced by its default."""

    def __init__(self, services: Sequence[str]) -> None:
        self.config = pulumi.Config()
        self.names = services
        self.errors = [self._unknown(key) for key in self._set() if key not in DEFAULTS]
        self._own = dict(self._own_keys(self.structure("services", keys.SERVICES)))

    def text(self, key: str, rule: Rule[str, T]) -> T:
        return self._top(key, self.config.get, rule)

    def integer(self, key: str, rule: Rule[int, T]) -> T:
        return self._top(key, self.config.get_int, rule)

    def boolean(self, key: str) -> bool:
        return self._top(key, self.config.get_bool, keys.BOOLEAN)

    def structure(self, key: str, rule: Rule[Any, T]) -> T:
        return self._top(key, self.config.get_object, rule)

    def has(self, name: str, key: str) -> bool:
        """Return whether the service has this key in `services`."""
        return key in self._own.get(name, {})

    def of(self, name: str, key: str, rule: Rule[Any, T], default: T) -> T:
        """Return the key of this service in `services`, or the default of all services."""
        if not self.has(name, key):
            return default
        return self._checked(keys.of_service(name, key), self._own[name][key], rule, default)

    def of_each(self, key: str, rule: Rule[Any, T], default: T) -> dict[str, T]:
        return {name: self.of(name, key, rule, default) for name in self.names}

    def shown(self, path: str, value: object) -> str:
        """Return the value as a message shows it; a secret is not shown."""
        key, *rest = path.split(".")
        return "a secret value" if self.is_secret(key) or "secrets" in rest else repr(value)

    def is_secret(self, key: str) -> bool:
        """Return whether the key, or a part of its structure, is encrypted."""
        return pulumi.runtime.is_config_secret(self.config.full_key(key))

    def _top(self, key: str, get: Callable[[str], V | None], rule: Rule[V, T]) -> T:
        default = rule.convert(DEFAULTS[key])
        try:
            value = get(key)
        except pulumi.ConfigTypeError:
            self._refuse(key, self.config.get(key), rule.right)
            return default
        return default if value is None else self._checked(key, value, rule, default)

    def _checked(self, path: str, value: V, rule: Rule[V, T], default: T) -> T:
        try:
            return rule.convert(value)
        except (ValueError, TypeError):
            self._refuse(path, value, rule.right)
            return default

    def _refuse(self, path: str, value: object, right: str) -> None:
        self.errors.append(f"{path}: {self.shown(path, value)} is not right; it must be {right}")

    def _own_keys(self, services: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the known keys of each known service; the others become errors."""
        for name, own in services.items():
            if name not in (GATEWAY, *self.names):
                there = ", ".join((*self.names, GATEWAY))
                self.errors.append(f"services.{name}: no such service; there are {there}")
                continue
            known = keys.OF_GATEWAY if name == GATEWAY else keys.OF_SERVICE
            given = self._checked(f"services.{name}", own, keys.SERVICE, {})
            self.errors += [
                f"{keys.of_service(name, key)}: no such key; {name} has {', '.join(known)}"
                for key in given
                if key not in known
            ]
            yield name, {key: value for key, value in given.items() if key in known}

    def _set(self) -> list[str]:
        """Return the names of all keys that are set. pulumi.Config has no way to list them."""
        namespace = self.config.full_key("")
        every = pulumi.runtime.get_config_env()
        return [key.removeprefix(namespace) for key in every if key.startswith(namespace)]

    def _unknown(self, key: str) -> str:
        """Return the error of an unknown key, with the command that replaces it if there is one."""
        ports = {f"{name}Port": name for name in self.names}
        if key in ports:
            instead = keys.of_service(ports[key], "hostPort")
            return _moved(key, keys.set_command(instead, self._port(key)))
        if key.startswith("services."):
            return _moved(key, keys.set_command(key, "VALUE"))
        return f"{key}: there is no such key; the keys are {', '.join(sorted(DEFAULTS))}"

    def _port(self, key: str) -> str:
        value = self.config.get(key, "")
        return value if value.isdecimal() and not self.is_secret(key) else "PORT"


def _moved(key: str, instead: str) -> str:
    return f"{key}: use `services`: {instead} && pulumi config rm {key}"
