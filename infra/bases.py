"""The base images that the stack's images are built on."""

from collections.abc import Container

# Of the images that the setup builds where no registry answers. Nothing is ever pulled from here.
STAND_INS = "localhost/standin/"


def stand_in(image: str) -> str:
    """Return the name of the image's stand-in."""
    return f"{STAND_INS}{image}"


def on_engine(image: str, tags: Container[str]) -> str:
    """Return the image, or its stand-in if the engine's `tags` have only that one."""
    own = stand_in(image)
    return own if own in tags and image not in tags else image
