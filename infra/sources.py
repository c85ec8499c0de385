"""The sources of a service: its folder and the shared chassis, or its own Dockerfile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.content import digest

ROOT = Path(__file__).resolve().parent.parent
CONTEXT = "services"
CHASSIS = f"{CONTEXT}/chassis"
# What every service on the chassis has in its image, beside its own folder.
SHARED = (f"{CONTEXT}/Dockerfile", f"{CONTEXT}/requirements.txt", CHASSIS)
RUN = ["python3", "-m", "chassis"]  # the CMD of services/Dockerfile
RUN_LIVE = [*RUN, "--live"]


@dataclass(frozen=True, kw_only=True)
class Sources:
    context: str
    arguments: Mapping[str, str]  # of the build
    digest: str
    # What a service on the chassis mounts in development: target -> folder.
    mounts: Mapping[str, str] = field(default_factory=dict)

    @property
    def on_chassis(self) -> bool:
        return self.context == CONTEXT


def of(service: str, python_image: str) -> Sources:
    """Return the sources of the service; paths are relative to the project's folder."""
    folder = f"{CONTEXT}/{service}"
    arguments = {"BASE_IMAGE": python_image}
    if has_dockerfile(service):
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


def has_dockerfile(service: str) -> bool:
    return (ROOT / CONTEXT / service / "Dockerfile").is_file()


def missing(service: str) -> bool:
    """Return whether the service has nothing to build from."""
    folder = ROOT / CONTEXT / service
    return not any((folder / name).is_file() for name in ("app.py", "Dockerfile"))
