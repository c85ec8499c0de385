"""Docker engines in network namespaces of their own on one bridge, and a registry: a swarm's
machines. `with Rig() as rig:` starts them and leaves nothing behind; run it as root."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import docker

from tests.support.polling import wait_until

NAME = "swarmrig"  # name of the bridge, and prefix of every namespace, interface and cgroup
FOLDER = Path("/var/lib") / NAME
NETWORK = "198.18.77"  # in the range for benchmarks (RFC 2544), which nothing else here uses
HOST = f"{NETWORK}.254"
REGISTRY_PORT = 5000
REGISTRY = f"{HOST}:{REGISTRY_PORT}"
CGROUPS = Path("/sys/fs/cgroup")
# The host's Docker engine drops forwarded and bridged traffic of other bridges. Allow it, as nodes
# download packages when they build images.
RULES = (
    ("filter", "FORWARD", "-i", NAME, "-j", "ACCEPT"),
    ("filter", "FORWARD", "-o", NAME, "-j", "ACCEPT"),
    ("nat", "POSTROUTING", "-s", f"{NETWORK}.0/24", "!", "-o", NAME, "-j", "MASQUERADE"),
)
# The first process of a node's PID namespace: the kernel ends all others with it.
BOOT = """
hostname "${1#/}"
mount --bind "$0/run" /run
if [[ $3 != / ]]; then
    mount --bind "$3/usr" /usr
    mount --bind "$3/etc/ld.so.cache" /etc/ld.so.cache
fi
dockerd --host "unix://$0/docker.sock" --data-root "$0/data" --exec-root "$0/run/docker" \
    --pidfile "$0/run/docker.pid" --cgroup-parent "$1" --insecure-registry "$2" \
    "${@:4}" >"$0/dockerd.log" 2>&1 &
wait
"""


def why_not() -> str:
    """Return the reason why the rig cannot run here, or an empty string."""
    if os.geteuid() != 0:
        return "network namespaces and engines of its own need root"
    needed = ("ip", "iptables", "nsenter", "unshare", "dockerd")
    missing = [command for command in needed if not shutil.which(command)]
    return f"no {', '.join(missing)} here" if missing else ""


def run(*command: str | Path, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Engine:
    """Which dockerd a node runs: the one below `root`/usr, with these options."""

    root: Path = Path("/")
    options: tuple[str, ...] = ()
    oldest_api: str = "1.41"  # that clients may use


OWN = Engine()  # this machine's


class Node:
    """A machine of the rig: a network namespace, an address, an engine."""

    def __init__(self, index: int, engine: Engine) -> None:
        self._installed = engine
        self.name = f"{NAME}{index}"
        self.address = f"{NETWORK}.{index}"
        self.folder = FOLDER / self.name
        self.socket = f"unix://{self.folder}/docker.sock"
        self.engine = docker.DockerClient(
            base_url=self.socket, version=engine.oldest_api, timeout=60
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        inner = f"{self.name}i"
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.name, "type", "veth", "peer", inner, "netns", self.name)
        run("ip", "link", "set", self.name, "master", NAME, "up")
        for words in (
            f"address add {self.address}/24 dev {inner}",
            f"link set {inner} up",
            "link set lo up",
            f"route add default via {HOST}",
        ):
            run("ip", "-netns", self.name, *words.split())
        self.boot()

    def boot(self) -> None:
        """Start the engine, also after a crash."""
        (self.folder / "docker.sock").unlink(missing_ok=True)
        # /run is a tmpfs on real machines, and empty after a crash. A stale PID file of containerd,
        # whose number is in use again, would keep the engine from starting it.
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        (self.folder / "run").mkdir()
        self._process = subprocess.Popen(
            [
                *("nsenter", f"--net=/run/netns/{self.name}"),
                *("unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc"),
                *("--kill-child=SIGKILL", "bash", "-c", BOOT),
                *(str(self.folder), f"/{self.name}", REGISTRY),
                *(str(self._installed.root), *self._installed.options),
            ],
            env={**os.environ, "DOCKER_MIN_API_VERSION": self._installed.oldest_api},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self.answers, f"the engine of {self.name} answers")

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(self.socket.removeprefix("unix://")) != 0:
                return False  # else the SDK would leave its socket open
        return bool(self.engine.ping())

    def crash(self) -> None:
        """Kill everything in the node at once, as a power cut does."""
        self.engine.close()
        with contextlib.suppress(RuntimeError):
            for pid in run("ip", "netns", "pids", self.name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        if self._process:
            self._process.wait()
        wait_until(lambda: not run("ip", "netns", "pids", self.name, check=False), "it is down")

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill a process by its ID inside the node."""
        inside = ("nsenter", f"--target={self._first()}", "--pid", "--mount")
        run(*inside, "kill", f"-{number.value}", str(pid))

    def _first(self) -> str:
        """Return the ID of the first process in the node."""
        outside = self._process.pid if self._process else 0
        return Path(f"/proc/{outside}/task/{outside}/children").read_text().strip()

    def beside(self, *command: str) -> list[str]:
        """Return the command for a process that has the node's network and processes, our files."""
        inside = ("nsenter", f"--target={self._first()}", "--net", "--pid")
        own = ("unshare", "--mount", "bash", "-c", 'mount -t proc proc /proc && exec "$@"', "bash")
        return [*inside, *own, *command]

    def stop(self) -> None:
        """Stop the engine gracefully, as a shutdown of the machine does."""
        self.engine.close()
        self.kill(int((self.folder / "run" / "docker.pid").read_text()), signal.SIGTERM)
        if self._process:
            self._process.wait(60)

    def remove(self) -> None:
        self.crash()
        self.engine.close()
        run("ip", "link", "delete", self.name, check=False)
        run("ip", "netns", "delete", self.name, check=False)
        for parent in (*CGROUPS.glob(f"*/{self.name}"), CGROUPS / self.name):
            for group in sorted(parent.glob("**/"), reverse=True):
                with contextlib.suppress(OSError):
                    group.rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)


class Rig:
    """`count` nodes and a registry that they trust, not yet joined to a swarm."""

    def __init__(self, count: int = 3, engine: Engine = OWN, *, has_registry: bool = True) -> None:
        self._has_registry = has_registry
        self.nodes = [Node(index, engine) for index in range(1, count + 1)]
        self._lock: IO[str] | None = None
        self._registry: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._lock = (FOLDER / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._remove()  # what a killed run left
        try:
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()
        if self._lock:
            self._lock.close()

    def _start(self) -> None:
        run("ip", "link", "add", NAME, "type", "bridge")
        run("ip", "address", "add", f"{HOST}/24", "dev", NAME)
        run("ip", "link", "set", NAME, "up")
        for table, chain, *rule in RULES:
            run("iptables", "-w", "-t", table, "-I", chain, *rule)
        if self._has_registry:
            self.start_registry()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.start, self.nodes))

    def start_registry(self) -> None:
        config = FOLDER / "registry.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {FOLDER}/registry}}}}\n"
            f"http: {{addr: '{REGISTRY}'}}\n"
        )
        self._registry = subprocess.Popen(
            [_registry_program(), "serve", config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        (FOLDER / "registry.pid").write_text(str(self._registry.pid))

    def stop_registry(self) -> None:
        if self._registry:
            self._registry.kill()
            self._registry.wait()
            self._registry = None

    def _remove(self) -> None:
        self.stop_registry()
        _end_left_registry()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.remove, self.nodes))
        for table, chain, *rule in RULES:
            while _is_there(table, chain, rule):
                run("iptables", "-w", "-t", table, "-D", chain, *rule)
        run("ip", "link", "delete", NAME, check=False)
        for path in FOLDER.iterdir():
            if path.name not in ("lock", "package"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def load(self, node: Node, *images: str) -> None:
        """Copy images from the host's engine to the node."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
            subprocess.run(
                ["docker", "--host", node.socket, "load", "--quiet"],
                stdin=save.stdout,
                stdout=subprocess.DEVNULL,
                check=True,
            )


def _is_there(table: str, chain: str, rule: list[str]) -> bool:
    check = ["iptables", "-w", "-t", table, "-C", chain, *rule]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def _end_left_registry() -> None:
    """End the registry of a killed run, unless its process ID is in use by something else."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int((FOLDER / "registry.pid").read_text())
        if str(FOLDER).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


def _registry_program() -> str:
    """Return Debian's docker-registry: the installed one, or its package unpacked in our folder."""
    if installed := shutil.which("docker-registry"):
        return installed
    package = FOLDER / "package"
    program = package / "usr" / "bin" / "docker-registry"
    if not program.exists():
        package.mkdir(exist_ok=True)
        subprocess.run(
            ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", "docker-registry"],
            cwd=package,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (archive,) = package.glob("*.deb")
        run("dpkg-deb", "--extract", archive, package)
        archive.unlink()
    return str(program)
