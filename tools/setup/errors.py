"""The errors that a user sees: what happened, why, and what to do."""

OUTPUT_LINES = 8
AGAIN = "run it again; it continues where it stopped"

FULL_DISK = ("no space left on device", "disk quota exceeded", "no space available")
NO_NETWORK = (
    "no such host",
    "could not resolve",
    "temporary failure resolving",
    "temporary failure in name resolution",
    "network is unreachable",
    "connection refused",
    "connection timed out",
    "i/o timeout",
    "dns error",
    "tls handshake timeout",
)
BAD_DOWNLOAD = ("checksum mismatch", "not a valid zip file", "hash sum mismatch")


class Problem(Exception):  # noqa: N818 - a user-facing problem, not a bug
    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.remedy = what, why, remedy

    def __str__(self) -> str:
        parts = (("error:", self.what), ("why:", self.why), ("do:", self.remedy))
        return "\n".join(f"{label:<7}{_indent(text)}" for label, text in parts if text)


def explain(what: str, output: str, remedy: str) -> Problem:
    """Return a Problem for a command's output; known causes replace the given remedy."""
    lowered = output.lower()
    why = "\n".join(output.strip().splitlines()[-OUTPUT_LINES:]) or "it printed nothing"
    if any(sign in lowered for sign in FULL_DISK):
        remedy = f"free some disk space (a first run takes 7 GB), then {AGAIN}"
    elif any(sign in lowered for sign in BAD_DOWNLOAD):
        remedy = "a download was damaged: run `go clean -modcache`, then run it again"
    elif any(sign in lowered for sign in NO_NETWORK):
        remedy = f"check the network or the proxy (HTTPS_PROXY), then {AGAIN}"
    return Problem(what, why, remedy)


def _indent(text: str) -> str:
    return text.strip().replace("\n", "\n       ")
