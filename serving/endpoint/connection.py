"""A Databricks workspace, as the SDK's own authentication finds it, and what it refuses, in words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
from tenacity import Retrying, stop_after_delay, wait_fixed

from ..errors import ServingError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_CALL_SECONDS = 300
"""How long an answer may take, and for how long a call that was refused is tried again."""
_REACH_SECONDS = 10
"""How long a workspace may take to answer at all."""
_NEW_WORKSPACE_SECONDS, _RETRY_PAUSE = 120, 5
"""For how long one that was just made is tried, since its name may not be known everywhere yet, and how often."""

_MESSAGES = {
    "Unauthenticated": "the workspace does not know you; your token has expired, or is another workspace's",
    "PermissionDenied": "you may not do that: {message}; docs/databricks.md lists the grants that are needed",
    "BadRequest": "it was refused: {message}",
    "NotFound": "it is not there: {message}",
    "ResourceConflict": "it is being changed already: {message}; wait (python -m serving status), and run it again",
    "TooManyRequests": "the workspace had too many calls (50 changes in five minutes are the most); run it again later",
}


def connect_workspace(host: str | None = None) -> "WorkspaceClient":
    """The workspace that the SDK finds (DATABRICKS_HOST, a configuration profile, …), or one just made at ``host``.

    Raises ServingError, also when it cannot be reached, which the SDK would try for minutes.
    """
    from databricks.sdk import WorkspaceClient  # a second
    from databricks.sdk.config import Config

    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)  # it warns at length of what is told below
    if host:  # first, so that the SDK finds there what it asks for once
        _require_reachable(host, _NEW_WORKSPACE_SECONDS)
    try:
        config = Config(host=host, http_timeout_seconds=_REACH_SECONDS, retry_timeout_seconds=_REACH_SECONDS)
    except ValueError:
        raise ServingError(
            "no Databricks workspace is configured; set DATABRICKS_HOST and sign in with the Databricks CLI, or set "
            "DATABRICKS_CONFIG_PROFILE"
        ) from None
    if not host:
        _require_reachable(str(config.host), verify=not config.skip_verify)
    config.http_timeout_seconds = config.retry_timeout_seconds = _CALL_SECONDS
    return WorkspaceClient(config=config)


def _require_reachable(host: str, patience: float = 0, *, verify: bool = True) -> None:
    """Raises ServingError when nothing answers at the address of the workspace, whatever it would answer."""
    try:
        for attempt in Retrying(stop=stop_after_delay(patience), wait=wait_fixed(_RETRY_PAUSE), reraise=True):
            with attempt:
                requests.head(host, timeout=_REACH_SECONDS, verify=verify)
    except requests.RequestException as error:
        raise ServingError(
            f"cannot reach the workspace {host} ({type(error).__name__}); check DATABRICKS_HOST, or the profile "
            "of ~/.databrickscfg, and the network"
        ) from None


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Says in words what a workspace refuses while ``what`` is done. Raises ServingError."""
    from databricks.sdk.errors.base import DatabricksError  # a second

    try:
        yield
    except (DatabricksError, TimeoutError, OSError) as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        template = next((_MESSAGES[kind] for kind in kinds if kind in _MESSAGES), "")
        message = str(error).rpartition("Error: ")[2].strip().partition("\n")[0].rstrip(".")  # MLflow's server's own
        sentence = template.format(message=message) if template else f"the workspace failed ({kinds[0]}); run it again"
        raise ServingError(f"{action}: {sentence}") from None
