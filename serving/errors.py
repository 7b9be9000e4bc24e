"""The error that every command of serving reports.

The class is separate from the model's errors, because serving depends on MLflow and the JSON contract and not on the
insides of ``model``.
"""

import click


class ServingError(click.ClickException):
    """A failure that a command reports in one sentence: what happened, why, and what to do."""


class RefusedError(ServingError):
    """A request that the target refused; the message is the target's own."""


def find_code(error: str) -> str:
    """Return the stable code of a stage's error, which stands before its first colon; ``other`` without one."""
    code, colon, _ = error.partition(":")
    return code if colon and code.replace("_", "").isalpha() else "other"
