"""Where a secret can be read without the passphrase."""

import json
from collections.abc import Iterable

from psutil import process_iter

from tests.support.deployment import Deployment


def in_plain_sight(one: Deployment, secrets: Iterable[str], *outputs: str) -> list[str]:
    """Return where a secret can be read: in files of the state, in the engine or in outputs."""
    files = (path for path in one.project.parent.rglob("*") if path.is_file())
    places = {str(p): p.read_bytes() for p in files if one.project not in p.parents}
    for container in one.containers():
        image = one.engine.images.get(container.attrs["Image"])
        known = json.dumps([container.attrs, image.attrs, image.history()]).encode()
        places[str(container.name)] = known + container.logs()
    places["output"] = "".join(outputs).encode()
    running = (" ".join(process.info["cmdline"] or ()) for process in process_iter(["cmdline"]))
    places["process list"] = "".join(running).encode()
    assert len(places) > 10
    values = [secret.encode() for secret in secrets]
    return [place for place, text in places.items() if any(value in text for value in values)]
