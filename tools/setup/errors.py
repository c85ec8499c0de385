"""The one kind of error that a user sees: what happened, why, and what to do."""

OUTPUT_LINES = 8

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


class Problem(Exception):  # noqa: N818 - it is what it says, to a user
    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.remedy = what, why, remedy

    def __str__(self) -> str:
        parts = (("error:", self.what), ("why:", self.why), ("do:", self.remedy))
        return "\n".join(f"{label:<7}{_indent(text)}" for label, text in parts if text)


def explain(what: str, output: str, remedy: str) -> Problem:
    """Turn a command's output into the error, with a better remedy for a known cause."""
    lowered = output.lower()
    why = "\n".join(output.strip().splitlines()[-OUTPUT_LINES:]) or "it said nothing"
    if any(sign in lowered for sign in FULL_DISK):
        remedy = "free some disk (a first run takes 7 GB) and run it again: it goes on where it was"
    elif any(sign in lowered for sign in BAD_DOWNLOAD):
        remedy = (
            "a download was damaged: `go clean -modcache` removes what Go has, then run it again"
        )
    elif any(sign in lowered for sign in NO_NETWORK):
        remedy = "check the network or the proxy (HTTPS_PROXY); a next run goes on where it was"
    return Problem(what, why, remedy)


def _indent(text: str) -> str:
    return text.strip().replace("\n", "\n       ")
