"""The one kind of error that a user sees: what is wrong, and what to do."""


class PreviewError(Exception):
    pass
