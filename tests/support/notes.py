"""Collect measurements for the table at the end of a long test run."""

TABLE: list[tuple[str, str]] = []


def note(what: str, seen: str) -> None:
    """Adds a row to the table that the run ends with."""
    TABLE.append((what, seen))
