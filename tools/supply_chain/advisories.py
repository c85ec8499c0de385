"""Check the Python packages of the images and of the deployment for security advisories."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300
LONGEST = 120
DEPLOYER = ["uv", "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project"]


def check() -> bool:
    """Return False if a locked version has an advisory. Without the database, return True."""
    audited = _audit()
    if isinstance(audited, str):
        print(f"advisories: skipped, {audited}")
        return True
    found = [
        f"{one['name']} {one['version']}: {bug['id']}, fixed in {', '.join(bug['fix_versions'])}"
        for one in audited
        for bug in one.get("vulns", [])
    ]
    print("\n".join(found) or f"advisories: none against {len(audited)} packages")
    return not found


def _audit() -> list[dict[str, Any]] | str:
    """Return pip-audit's packages with their advisories, or the reason why there are none."""
    with TemporaryDirectory() as folder:
        own = Path(folder) / "requirements.txt"
        own.write_text(
            subprocess.run(
                DEPLOYER, cwd=ROOT, capture_output=True, text=True, check=True, timeout=SECONDS
            ).stdout
        )
        packages: dict[tuple[str, str], dict[str, Any]] = {}
        # One by one: two images may have two versions of a package.
        for file in [own, *sorted(_locked())]:
            found = _of(file)
            if isinstance(found, str):
                return found
            packages |= {(one["name"], one.get("version", "")): one for one in found}
    if all("skip_reason" in package for package in packages.values()):
        return "the package index that answers here has no advisories"
    return list(packages.values())


def _locked() -> Iterator[Path]:
    for folder in ("services", "certificates"):
        yield from (ROOT / folder).glob("**/requirements.txt")


def _of(file: Path) -> list[dict[str, Any]] | str:
    command = ["pip-audit", "--disable-pip", "--progress-spinner=off", "--format=json"]
    try:
        done = subprocess.run(
            [*command, f"--requirement={file}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"the database did not answer within {SECONDS} s"
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        reason = (done.stderr.strip() or "?").splitlines()[-1]
        return f"the database can't be reached: {shorten(reason, LONGEST, placeholder='…')}"
    return packages
