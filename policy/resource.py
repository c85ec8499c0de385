"""A resource as a rule reads it: where a container and a swarm service keep the same thing."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CONTAINER = "docker:index/container:Container"
SERVICE = "docker:index/service:Service"
IMAGE = "docker:index/remoteImage:RemoteImage"
DIGEST = "@digest"  # stands for the tag of an image that is named by its digest


@dataclass(frozen=True)
class Resource:
    type: str
    properties: Mapping[str, Any]  # as the engine has them: camelCase
    bind_address: str = ""  # of the stack's configuration; empty if it has no such key

    @property
    def container(self) -> Mapping[str, Any]:
        """Return what describes the container: a part of it, if this is a swarm service."""
        return self.task.get("containerSpec") or {} if self.type == SERVICE else self.properties

    @property
    def task(self) -> Mapping[str, Any]:
        return self.properties.get("taskSpec") or {}

    @property
    def limits(self) -> Mapping[str, Any]:
        return (self.task.get("resources") or {}).get("limits") or {}

    @property
    def never_runs(self) -> bool:
        return self.properties.get("start") is False

    @property
    def runs_once(self) -> bool:
        """Return whether the container ends by itself, as a job does, or is never started."""
        waits = bool(self.properties.get("attach")) and self.properties.get("mustRun") is False
        return waits or self.never_runs

    @property
    def image(self) -> str:
        key = "name" if self.type == IMAGE else "image"
        return str(self.container.get(key) or "")

    @property
    def images(self) -> list[str]:
        """Return the image, and the base image that it is built on."""
        build_args = (self.properties.get("build") or {}).get("buildArgs") or {}
        has_base = self.type == IMAGE and "BASE_IMAGE" in build_args
        return [self.image, build_args["BASE_IMAGE"]] if has_base else [self.image]

    def host_paths(self) -> Iterator[tuple[str, bool]]:
        """Yield each path of the host that is mounted, and whether it is writable."""
        for mount in self.container.get("mounts") or []:
            if mount.get("type") == "bind":
                yield mount.get("source") or "", not mount.get("readOnly")
        for volume in self.container.get("volumes") or []:
            if volume.get("hostPath"):
                yield volume["hostPath"], not volume.get("readOnly")


def tag(image: str) -> str:
    """Return the tag of an image's name, or DIGEST."""
    if re.search(r"(^|@)sha256:", image):
        return DIGEST
    return image.rpartition("/")[2].partition(":")[2]
