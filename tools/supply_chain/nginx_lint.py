"""Lint the gateway's complete configuration with gixy."""

import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from infra import hosts, nginx
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]
# proxy_pass_normalized: removing the prefix decodes the path, but no route has an encoded slash.
# if_is_evil: each `if` in a route only chooses an upstream or returns, and its routes are tested.
# try_files_is_evil_too: that location is used only after a time-out.
SKIPPED = "proxy_pass_normalized,if_is_evil,try_files_is_evil_too"


def lint() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        render(Path(folder))
        command = ["gixy", "--skips", SKIPPED, f"{folder}/nginx.conf"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
    return done.returncode == 0


def render(folder: Path) -> None:
    """Write all files that nginx reads, with every option of the stack enabled."""
    for source in (ROOT / "nginx").glob("*.conf"):
        shutil.copy(source, folder)
    (folder / "certified").mkdir()
    shutil.copy(folder / "certificate.conf", folder / "certified")
    generated = folder / "generated"
    generated.mkdir()
    rows = (SERVICES[0], replace(SERVICES[1], streams=1, max_body=1024))
    replicas = {s: [s.container, f"{s.container}_2"] for s in rows}
    every = [name for names in replicas.values() for name in names]
    upstreams = nginx.render(
        replicas,
        trusted_proxies=["192.0.2.0/24"],
        rate_limit=100,
        addresses={name: f"192.0.2.{number}" for number, name in enumerate(every)},
    )
    (generated / "upstreams.conf").write_text(upstreams)
    (generated / "hosts.conf").write_text(hosts.render(replicas, names=["example.com"]))
    (generated / "locations.conf").write_text(hosts.render_locations(replicas))
