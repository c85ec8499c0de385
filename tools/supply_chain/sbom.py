"""Write an SBOM of each image: its Debian packages and Python distributions."""

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import datetime
from email.parser import HeaderParser
from pathlib import Path
from typing import IO
from uuid import NAMESPACE_OID, uuid5

import docker
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from docker.models.images import Image
from packageurl import PackageURL

from infra import labels
from infra.engine import client

DPKG = "var/lib/dpkg/status"
RELEASE = "usr/lib/os-release"


def write(stack: str, folder: Path) -> int:
    """Write a file for each image of the stack, named after its container. Return the exit code."""
    with client() as engine:
        return _write(engine, stack, folder)


def _write(engine: docker.DockerClient, stack: str, folder: Path) -> int:
    ours = labels.filters(stack)
    containers = engine.containers.list(all=True, filters=ours, ignore_removed=True)
    if not containers:
        print(
            f"stack {stack} is not deployed on this engine; `make up STACK={stack}` deploys it",
            file=sys.stderr,
        )
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    first = {
        c.attrs["Image"]: c for c in sorted(containers, key=lambda c: str(c.name), reverse=True)
    }
    for container in first.values():
        bom = describe(engine.images.get(container.attrs["Image"]), _files(str(container.id)))
        path = folder / f"{container.name}.cdx.json"
        path.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")
        print(f"{path}: {len(bom.components)} components")
    return 0


def describe(image: Image, files: dict[str, str]) -> Bom:
    """Return the SBOM of an image. It is reproducible, so that two can be compared."""
    bom = Bom(
        serial_number=uuid5(NAMESPACE_OID, str(image.id)),
        components=[*_debian(files), *_python(files), *_interpreter(image)],
    )
    bom.metadata.timestamp = datetime.fromisoformat(image.attrs["Created"][:19] + "+00:00")
    bom.metadata.component = Component(
        name=image.tags[0], version=str(image.id), type=ComponentType.CONTAINER, bom_ref=image.id
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    return bom


def _files(container: str) -> dict[str, str]:
    """Return the package files in the container's file system."""
    with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
        assert export.stdout
        return dict(_wanted(export.stdout))


def _wanted(export: IO[bytes]) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=export, mode="r|") as tar:
        for member in tar:
            wanted = member.name in (DPKG, RELEASE) or member.name.endswith(".dist-info/METADATA")
            if wanted and (content := tar.extractfile(member)):
                yield member.name, content.read().decode(errors="replace")


def _debian(files: dict[str, str]) -> Iterator[Component]:
    if DPKG not in files:
        return  # an image without Debian's packages, such as one with a single program
    lines = (line.partition("=") for line in files.get(RELEASE, "").splitlines())
    release = {key: value.strip('"') for key, _, value in lines}
    distro = f"{release['ID']}-{release.get('VERSION_ID') or release['VERSION_CODENAME']}"
    for paragraph in files[DPKG].strip().split("\n\n"):
        fields = HeaderParser().parsestr(paragraph)
        if fields["Status"] == "install ok installed":
            qualifiers = {"arch": fields["Architecture"], "distro": distro}
            yield _component(
                PackageURL("deb", "debian", fields["Package"], fields["Version"], qualifiers)
            )


def _python(files: dict[str, str]) -> Iterator[Component]:
    for name, text in files.items():
        if name.endswith("/METADATA"):
            fields = HeaderParser().parsestr(text)
            yield _component(PackageURL("pypi", None, fields["Name"], fields["Version"]))


def _interpreter(image: Image) -> Iterator[Component]:
    """Yield the official image's Python, which is built from source and belongs to no package."""
    for entry in image.attrs["Config"]["Env"] or []:
        key, _, value = entry.partition("=")
        if key == "PYTHON_VERSION":
            yield _component(PackageURL("generic", None, "python", value))


def _component(purl: PackageURL) -> Component:
    return Component(
        name=purl.name,
        version=purl.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
    )
