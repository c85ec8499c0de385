"""The Docker engine's client: every call has a time limit, every failure is an EngineError."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import docker
import requests
import urllib3
from docker.models.containers import Container
from docker.utils import version_lt

from infra.waiting import within

ANSWER_SECONDS = 30
LIST_RETRIES, LIST_RETRY_SECONDS = 5, 0.5
OLDEST, OLDEST_API = "20.10", "1.41"  # the oldest version that is supported
TIME_OUTS = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)


class EngineError(docker.errors.DockerException):
    """The engine refused a request, or did not answer it in time."""


class TooOldError(RuntimeError):
    """The engine's version is not supported."""


@contextmanager
def client(seconds: int | None = None) -> Iterator[docker.DockerClient]:
    """Yield a client of the engine that docker_host.use() chose, and close it.

    Raises EngineError for each call that fails and that the block does not handle itself; a
    client's own errors, such as docker.errors.NotFound, can be caught within the block.
    """
    try:
        with closing(_connect(seconds or ANSWER_SECONDS)) as connected:
            yield connected
    except EngineError:
        raise
    # What is read of an answer that has begun fails with urllib3's errors, or as a socket does.
    except (
        docker.errors.DockerException,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        TimeoutError,
    ) as error:
        raise EngineError(f"the Docker engine: {error}") from error


def check_version(api: docker.APIClient) -> None:
    """Raise TooOldError if the engine is older than the oldest supported version."""
    about: dict[str, Any] = api.version(api_version=False)
    if version_lt(about["ApiVersion"], OLDEST_API):
        raise TooOldError(
            f"the Docker engine is version {about['Version']} (API {about['ApiVersion']}), and the "
            f"oldest supported is {OLDEST} (API {OLDEST_API}); upgrade it, or name another engine"
        )


def runs_once(container: Container) -> bool:
    """Return whether it is to end by itself, so that the engine does not start it again."""
    return container.attrs["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")


def execute(container: Container, *command: str, seconds: float = ANSWER_SECONDS) -> str:
    """Return what the command prints in the container.

    Raises EngineError when it fails, and when it takes longer: docker's exec_run waits for ever.
    """
    what = f"{container.name}: {' '.join(command)}"
    try:
        code, output = within(seconds, what, lambda: container.exec_run(list(command)))
    except TimeoutError as error:
        raise EngineError(str(error)) from None
    text = bytes(output).decode(errors="replace").strip()  # type: ignore[arg-type]  # not streamed
    if code != 0:
        raise EngineError(f"{what} failed: {text}")
    return text


def can_limit_processes(client: docker.DockerClient) -> bool:
    """Return False for a rootless engine on a machine with cgroup v1: it has no limits at all."""
    return bool(client.info()["PidsLimit"])


def set_process_limit(client: docker.DockerClient, container: str, limit: int) -> None:
    """Set the PidsLimit of a container: update() of the Docker SDK has no argument for it."""
    url = f"{client.api.base_url}/containers/{container}/update"
    client.api.post(url, json={"PidsLimit": limit}).raise_for_status()


class _Api(docker.APIClient):
    def request(self, method: str, url: str, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401  as requests has it
        seconds = options.setdefault("timeout", self.timeout)
        begun = time.monotonic()
        try:
            return super().request(method, url, *args, **options)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            asked = f"{method} {urlsplit(url).path}"
            waited = time.monotonic() - begun
            raise EngineError(
                f"the Docker engine did not answer {asked} within {seconds} s; see `docker info`"
                if isinstance(error, TIME_OUTS)
                else f"the Docker engine: {asked} failed after {waited:.1f} s: {error}"
            ) from error

    def images(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  as docker has it
        """List images. An engine with a containerd image store fails to while it removes one."""
        for _ in range(LIST_RETRIES):
            with suppress(docker.errors.NotFound):
                return super().images(*args, **options)
            time.sleep(LIST_RETRY_SECONDS)
        return super().images(*args, **options)


class _Client(docker.DockerClient):
    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  as DockerClient has it
        self.api = _Api(*args, **options)


def _connect(seconds: int) -> docker.DockerClient:
    try:
        return _Client.from_env(timeout=seconds)
    except docker.errors.DockerException as error:
        raise EngineError(f"no Docker engine answers: {error.__cause__ or error}") from error
