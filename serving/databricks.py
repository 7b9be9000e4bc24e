"""A Databricks workspace, as the SDK's own authentication finds it, and what it refuses, in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import ServingError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_SECONDS = 300

_SENTENCES = {
    "Unauthenticated": "the workspace does not know you; your token has expired, or is another workspace's",
    "PermissionDenied": "you may not do that: {message}; docs/databricks.md lists the grants that are needed",
    "BadRequest": "it was refused: {message}",
    "NotFound": "it is not there: {message}",
    "ResourceConflict": "it is being changed already: {message}; wait (python -m serving status), and run it again",
    "TooManyRequests": "the workspace had too many calls (50 changes in five minutes are the most); run it again later",
}


def workspace(host: str | None = None) -> "WorkspaceClient":
    """The workspace that the SDK finds (DATABRICKS_HOST, a configuration profile, …), or at ``host``.

    Raises ServingError.
    """
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415 - a second
    from databricks.sdk.config import Config  # noqa: PLC0415

    try:
        return WorkspaceClient(config=Config(host=host, http_timeout_seconds=_SECONDS))
    except ValueError:
        raise ServingError(
            "no Databricks workspace is configured; set DATABRICKS_HOST and sign in with the Databricks CLI, or set "
            "DATABRICKS_CONFIG_PROFILE"
        ) from None


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Says in words what a workspace refuses while ``what`` is done. Raises ServingError."""
    from databricks.sdk.errors.base import DatabricksError  # noqa: PLC0415 - a second

    try:
        yield
    except (DatabricksError, TimeoutError, OSError) as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        known = next((_SENTENCES[kind] for kind in kinds if kind in _SENTENCES), "")
        message = str(error).rpartition("Error: ")[2].strip().partition("\n")[0].rstrip(".")  # MLflow's server's own
        sentence = known.format(message=message) if known else f"the workspace failed ({kinds[0]}); run it again"
        raise ServingError(f"{what}: {sentence}") from None
