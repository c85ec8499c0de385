"""Collect measurements for the table at the end of a long test run."""

TABLE: list[tuple[str, str]] = []


def note(what: str, seen: str) -> None:
    """Add a row to the table at the end of the run."""
    TABLE.append((what, seen))
