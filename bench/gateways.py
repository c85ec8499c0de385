"""A gateway beside that of a stack, with services or a certificate of its own."""

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from docker.models.containers import Container

from bench import stacks
from bench.stacks import Stack
from infra import hosts, nginx
from topology import Service

CONFIGURATION = Path(__file__).resolve().parents[1] / "nginx"
# The load has no name to ask for, only the gateway's address.
REJECTS, SERVES = "listen 443 ssl default_server", "listen 8443 ssl"


@contextlib.contextmanager
def started(
    stack: Stack, services: Sequence[Service], certificate: bytes = b""
) -> Iterator[tuple[Container, int]]:
    """Run nginx alone; yield its container, and the size of its generated configuration.

    `certificate`: with its key, in PEM format; it then serves HTTPS to every client.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "nginx"
        shutil.copytree(CONFIGURATION, folder)
        (folder / "generated").mkdir()
        replicas = {service: (service.container,) for service in services}
        blocks = {
            "upstreams": nginx.render(replicas),
            "hosts": hosts.render(replicas),
            "locations": hosts.render_locations(replicas),
        }
        for name, text in blocks.items():
            (folder / "generated" / f"{name}.conf").write_text(text)
        if certificate:
            (folder / "certified").mkdir()
            shutil.copy2(folder / "certificate.conf", folder / "certified")
            (folder / "certified" / "site.pem").write_bytes(certificate)
            https = folder / "https.conf"
            https.write_text(https.read_text().replace(REJECTS, SERVES))
        Path(parent).chmod(0o755)
        container = stack.engine.containers.create(
            stacks.image_of(stack.gateway),
            entrypoint=["nginx", "-c", "/conf/nginx.conf", "-g", "daemon off;"],
            name=f"{stack.gateway.name}-{uuid.uuid4().hex[:8]}",
            network=stacks.network_of(stack.gateway),
            tmpfs={"/tmp": "mode=1777"},
            volumes=[f"{folder}:/conf:ro", f"{stacks.PAGE}:/frontend:ro"],
        )
        try:
            container.start()
            yield container, sum(map(len, blocks.values()))
        finally:
            container.remove(force=True)
