"""Where a service comes from: its folder on the chassis that all share, or its own Dockerfile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.content import digest

ROOT = Path(__file__).resolve().parent.parent
CONTEXT = "services"
CHASSIS = f"{CONTEXT}/chassis"
# What goes into the image of every service on the chassis, besides its own folder.
SHARED = (f"{CONTEXT}/Dockerfile", f"{CONTEXT}/requirements.txt", CHASSIS)
RUN = ["python3", "-m", "chassis"]  # as services/Dockerfile has it
RUN_LIVE = [*RUN, "--live"]


@dataclass(frozen=True, kw_only=True)
class Sources:
    context: str
    arguments: Mapping[str, str]  # of the build
    digest: str
    # Of a service on the chassis: its folders in development, as target -> folder.
    mounts: Mapping[str, str] = field(default_factory=dict)

    @property
    def on_chassis(self) -> bool:
        return self.context == CONTEXT


def of(service: str, python_image: str) -> Sources:
    """Return the sources of the service; paths are relative to the project's folder."""
    folder = f"{CONTEXT}/{service}"
    arguments = {"BASE_IMAGE": python_image}
    if (ROOT / folder / "Dockerfile").is_file():
        return Sources(
            context=folder,
            arguments=arguments,
            digest=digest(ROOT / folder, arguments=[python_image]),
        )
    shared = digest(*(ROOT / source for source in SHARED))
    return Sources(
        context=CONTEXT,
        arguments={**arguments, "SERVICE": service},
        digest=digest(ROOT / folder, arguments=[python_image, service, shared]),
        mounts={"/app": folder, "/packages/chassis": CHASSIS},
    )


def missing(service: str) -> bool:
    """Whether there is nothing to build the service from."""
    folder = ROOT / CONTEXT / service
    return not any((folder / name).is_file() for name in ("app.py", "Dockerfile"))
