"""The log of a failed build, which the provider drops: the engine builds again."""

import base64
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import docker
from google.protobuf import (  # type: ignore[import-untyped]  # Pulumi's dependency, without types
    descriptor_pb2,
    descriptor_pool,
    json_format,
    message_factory,
)

from infra import engine

SECONDS = 120
BUILDKIT = {
    "version": "2"
}  # makes the engine build by BuildKit; the Docker SDK has no argument for it
# The part of BuildKit's StatusResponse that has what commands print (api/services/control/
# control.proto). Unknown fields are skipped.
_STATUS = {
    "name": "status.proto",
    "messageType": [
        {
            "name": "Status",
            "field": [
                {
                    "name": "logs",
                    "number": 3,
                    "label": "LABEL_REPEATED",
                    "type": "TYPE_MESSAGE",
                    "typeName": "Log",
                }
            ],
        },
        {
            "name": "Log",
            "field": [
                {"name": "msg", "number": 4, "label": "LABEL_OPTIONAL", "type": "TYPE_BYTES"}
            ],
        },
    ],
}


def of(build: Mapping[str, Any]) -> str:
    """Build again, and return what the commands print and the engine says. No image is left."""
    try:
        with engine.client() as client:
            return "".join(_build_again(client, build))
    except (engine.EngineError, OSError) as error:  # OSError: the build context is not readable
        return f"it could not be built again for its log: {error}"


def _build_again(client: docker.DockerClient, build: Mapping[str, Any]) -> Iterator[str]:
    status = _status()
    name = f"build-log:{uuid.uuid4().hex}"
    succeeded = False
    client.api.params = dict(BUILDKIT)
    for message in client.api.build(
        path=build["context"],
        dockerfile=build.get("dockerfile"),
        target=build.get("target", ""),
        buildargs=build.get("buildArgs"),
        tag=name,
        gzip=True,  # BuildKit takes a plain archive for a Dockerfile
        decode=True,
        timeout=SECONDS,
    ):
        if message.get("id") == "moby.buildkit.trace":
            read = status.FromString(base64.b64decode(message["aux"]))
            yield from (log.msg.decode(errors="replace") for log in read.logs)
        elif "error" in message:
            yield f"\n{message['error']}\n"
        elif message.get("id") == "moby.image.id":
            succeeded = True  # what the last commands print may follow
    if succeeded:
        yield "\nThis time the build succeeded.\n"
        client.api.remove_image(name)


def _status() -> Any:  # noqa: ANN401  a class that is made here
    file = json_format.ParseDict(_STATUS, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Status"))
