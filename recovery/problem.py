"""An error for the user: what is wrong, and what to do about it."""


class ProblemError(Exception):
    pass
