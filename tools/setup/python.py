"""Install uv, and sync the virtual environment with uv.lock."""

import os
import shutil
import ssl
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from tools.setup import apt, network, paths, process
from tools.setup.errors import explain
from tools.setup.progress import Progress
from tools.setup.versions import UV, UV_MINIMUM, parse

INSTALLER = f"https://astral.sh/uv/{UV}/install.sh"

_installing = threading.Lock()  # two threads may call uv() at once


def uv(show: Progress) -> Path:
    with _installing:
        return find_uv() or _install(show)


def _install(show: Progress) -> Path:
    with show.step("uv", f"installing uv {UV}") as step:
        if _by_installer(paths.programs()):
            step.says(f"installed uv {UV} with the official installer")
        else:
            _by_pip(paths.programs())
            step.says(f"installed uv {UV} with pip")
    return paths.programs() / "uv"


def find_uv() -> Path | None:
    for command in (shutil.which("uv"), paths.programs() / "uv"):
        if command and Path(command).exists() and _fits(command):
            return Path(command)
    return None


def sync(show: Progress) -> None:
    command = uv(show)
    with show.step("python", "syncing the virtual environment .venv") as step:
        try:
            if changed := "installed" in _sync(command).lower():
                # Every pulumi command imports the SDK, which takes half a second longer uncompiled.
                _sync(command, "--compile-bytecode")
        except process.FailedError as failed:
            remedy = "make `uv sync --frozen` work; UV_DEFAULT_INDEX sets another package index"
            raise explain(
                "the Python packages could not be installed", failed.output, remedy
            ) from None
        step.says("synced .venv with uv.lock" if changed else ".venv is up to date")


def _sync(uv: Path, *options: str) -> str:
    environment = tls_settings(os.environ)
    return process.run(
        uv, "sync", "--frozen", *options, folder=paths.PROJECT, environment=environment
    )


def tls_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return settings that make installers trust this machine's CAs, such as a TLS proxy's."""
    bundle = ca_bundle()
    settings = {"UV_SYSTEM_CERTS": "1", **({"PIP_CERT": str(bundle)} if bundle else {})}
    return {name: value for name, value in settings.items() if name not in environment}


def ca_bundle() -> Path | None:
    named = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    places = (named, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
    return next((Path(place) for place in places if place and Path(place).is_file()), None)


def _fits(command: str | Path) -> bool:
    try:
        version = parse(process.run(command, "--version", limit=20))
    except process.FailedError:
        return False
    return version is not None and version >= UV_MINIMUM


def _by_installer(target: Path) -> bool:
    script = network.fetch(INSTALLER)
    if not script:
        return False
    file = paths.cache() / "install-uv.sh"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(script)
    try:
        process.run(
            "sh",
            file,
            environment={"UV_INSTALL_DIR": str(target), "UV_NO_MODIFY_PATH": "1"},
            limit=180,
        )
    except process.FailedError:
        return False
    return (target / "uv").exists()


def _by_pip(target: Path) -> None:
    venv = paths.cache() / "pip"
    try:
        if not (venv / "bin" / "pip").exists():
            _make_venv(venv)
        pip = (venv / "bin" / "python", "-m", "pip", "install", "--quiet", f"uv=={UV}")
        process.run(*pip, environment=tls_settings(os.environ))
    except process.FailedError as failed:
        remedy = "install uv (https://docs.astral.sh/uv), and run it again"
        raise explain("uv could not be installed", failed.output, remedy) from None
    target.mkdir(parents=True, exist_ok=True)
    partial = target / ".uv.partial"
    shutil.copy2(venv / "bin" / "uv", partial)
    partial.replace(target / "uv")


def _make_venv(venv: Path) -> None:
    command = (sys.executable, "-m", "venv", "--clear", venv)
    try:
        process.run(*command)
    except process.FailedError:
        # Debian's python3 comes without the venv module's files.
        apt.install("python3-venv")
        process.run(*command)
