"""The table that a run of the long tests ends with."""

TABLE: list[tuple[str, str]] = []


def note(what: str, seen: str) -> None:
    """Adds a row to the table that the run ends with."""
    TABLE.append((what, seen))
