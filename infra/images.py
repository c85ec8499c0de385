"""The images of the services and the gateway, each with the digest of its content in its tag."""

import uuid
from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from infra import drift, hosts, labels, nginx, page, rollout, sources
from infra.content import digest
from infra.settings import DEVELOPMENT, Settings
from infra.stack import own_labels
from topology import CERTIFIER, Service

# The sources of each target of nginx/Dockerfile.
GATEWAY_SOURCES = {
    "gateway": ("nginx/Dockerfile", "nginx/gateway", "nginx/publish"),
    "configured": ("nginx",),
    "whole": ("frontend", "nginx"),
    "site": ("frontend", "nginx"),
}
CERTIFICATES = "certificates"
# Part of every tag. Another way to build needs another text here: the provider removes a replaced
# image by its name, which the new image must not have.
BUILT_BY = "engine, with its digest and its tag in labels"
# Of an image whose tag is the resource: what it was built from is in the tag.
_UNCHANGED = ("build", "triggers")


def of_service(
    service: Service, settings: Settings, *, parent: pulumi.Resource
) -> docker.RemoteImage:
    source = sources.of(service.name, settings.python_image)
    build = docker.RemoteImageBuildArgs(context=source.context, build_args=dict(source.arguments))
    content = digest(arguments=[source.digest, BUILT_BY])
    return _image(service.name, settings, build, content, parent=parent)


def of_gateway(
    name: str, target: str, settings: Settings, *, parent: pulumi.Resource
) -> docker.RemoteImage:
    """Declare an image from one of the targets of nginx/Dockerfile."""
    return _image(name, settings, *_gateway_build(target, settings), parent=parent)


def of_standby(
    name: str, settings: Settings, *, parent: pulumi.Resource, is_kept: bool
) -> docker.RemoteImage:
    """Declare the image of the gateway on standby, which is of no release.

    One that `is_kept` stays as it is in the state, whatever its sources are by now.
    """
    build, content = _gateway_build("gateway", settings)
    tag = _tag(name, settings, content)
    return _declare(
        name,
        tag,
        _by_the_engine(build, tag, content),
        parent=parent,
        moved=not is_kept and drift.moved(tag, content),
        stays=("triggers", "name", "build") if is_kept else ("triggers",),
    )


def _gateway_build(target: str, settings: Settings) -> tuple[docker.RemoteImageBuildArgs, str]:
    """Return how a target of nginx/Dockerfile is built, and the digest of its content."""
    blocks = {} if target == "gateway" else _blocks(settings)
    arguments = {"BASE_IMAGE": settings.nginx_image, **blocks}
    content = digest(
        *(sources.ROOT / source for source in GATEWAY_SOURCES[target]),
        arguments=[
            target,
            BUILT_BY,
            *(f"{key}={value}" for key, value in sorted(arguments.items())),
        ],
    )
    build = docker.RemoteImageBuildArgs(
        context=".",
        dockerfile="nginx/Dockerfile",
        target=target,
        build_args={**arguments, **({"VERSION": content} if target == "site" else {})},
    )
    return build, content


def of_certifier(settings: Settings, *, parent: pulumi.Resource) -> docker.RemoteImage:
    arguments = {"BASE_IMAGE": settings.python_image}
    content = digest(
        sources.ROOT / CERTIFICATES, arguments=[BUILT_BY, f"BASE_IMAGE={settings.python_image}"]
    )
    build = docker.RemoteImageBuildArgs(context=CERTIFICATES, build_args=arguments)
    return _image(CERTIFIER, settings, build, content, parent=parent)


def kept(tag: str, *, parent: pulumi.Resource) -> docker.RemoteImage:
    """Declare the image of a former release, which is on the engine."""
    return _declare(tag, tag, None, parent=parent, moved=False, stays=_UNCHANGED)


def _blocks(settings: Settings) -> dict[str, str]:
    """Return the build arguments that are rendered from the service table."""
    return {
        "UPSTREAMS": nginx.render(
            settings.served,
            trusted_proxies=settings.trusted_proxies,
            tells_inside=settings.mode == DEVELOPMENT,
            addresses=settings.addresses if settings.production else None,
            rate_limit=settings.rate_limit,
            closed=settings.maintenance,
        ),
        "HOSTS": hosts.render(
            settings.served,
            names=settings.host_names if settings.secure else (),
            https_suffix=settings.https_suffix,
            # On a developer's machine, other programs answer at localhost too.
            strict=settings.secure and settings.mode != DEVELOPMENT,
            closed=settings.maintenance,
        ),
        "LOCATIONS": hosts.render_locations(
            settings.served, domain=settings.domain, closed=settings.maintenance
        ),
        "TOPOLOGY": page.render(settings.replicas, network=settings.network_name),
    }


def _image(
    name: str,
    settings: Settings,
    build: docker.RemoteImageBuildArgs,
    content: str,
    *,
    parent: pulumi.Resource,
) -> docker.RemoteImage:
    tag = settings.tags.get(name) or _tag(name, settings, content)
    # In production each tag is a resource of its own, so that a former release's image stays. A
    # stack that changes its mode, or that an older version deployed, has the other name.
    keeps = settings.production
    resource, other = (tag, name) if keeps else (name, tag)
    return _declare(
        resource,
        tag,
        None if settings.tags else _by_the_engine(build, tag, content),
        parent=parent,
        moved=not settings.tags and drift.moved(tag, content),
        stays=_UNCHANGED if keeps else ("triggers",),
        former=[] if keeps and not drift.is_there(tag) else [other],
    )


def _tag(name: str, settings: Settings, content: str) -> str:
    return f"{settings.repository}{settings.name_prefix}{name}:{settings.image_version}-{content}"


def _by_the_engine(
    build: docker.RemoteImageBuildArgs, tag: str, content: str
) -> docker.RemoteImageBuildArgs:
    """Build by the BuildKit of the engine, through its API.

    The provider's other way is buildx: it adds a provenance, so that in a containerd image store
    the same content has a new ID each time, and it follows the selected builder, which does not
    know the engine's images.
    """
    # No two tags name one image: the engine fails if both are removed at the same time.
    build.labels = {**own_labels(), labels.CONTENT: content, labels.TAG: tag}
    build.use_legacy_builder = True
    build.builder = "default"  # unused; without it the provider records BUILDX_BUILDER
    return build


def _declare(  # noqa: PLR0913  what differs between images
    resource: str,
    tag: str,
    build: docker.RemoteImageBuildArgs | None,
    *,
    parent: pulumi.Resource,
    moved: bool,
    stays: Sequence[str],
    former: Sequence[str] = (),
) -> docker.RemoteImage:
    """Declare an image.

    `moved`: the tag names another image by now. `stays`: the properties whose changes do not count.
    `former`: names that the resource may have had.
    """
    return docker.RemoteImage(
        resource,
        name=tag,
        build=build,
        triggers={"moved": uuid.uuid4().hex} if moved else None,  # another than the last time
        # A container may still use the image: after a failed update was reverted, or on a swarm,
        # which keeps the containers of stopped tasks for a while.
        force_remove=True,
        opts=pulumi.ResourceOptions(
            parent=parent,
            hooks=rollout.image_hooks(),
            delete_before_replace=moved,  # it is removed and the image is built again
            ignore_changes=None if moved else [*stays],
            aliases=[pulumi.Alias(name=name) for name in former],
        ),
    )
