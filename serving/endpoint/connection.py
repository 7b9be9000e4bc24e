"""Connect to a Databricks workspace by the SDK's own authentication, and translate its errors into sentences."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from tenacity import Retrying, stop_after_delay, wait_fixed

from ..errors import ServingError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_CALL_SECONDS = 300
"""Time-out of a call, and for how long the SDK retries a refused call."""
_REACH_SECONDS = 10
"""Time-out of a call while the client is set up, so that an unreachable workspace is reported soon."""
_NEW_WORKSPACE_SECONDS, _RETRY_PAUSE = 120, 5
"""For how long a new workspace is tried, since DNS may not know its name yet, and the seconds between two attempts."""

_MESSAGES = {
    "Unauthenticated": "authentication failed; the token has expired or belongs to another workspace, so sign in again",
    "PermissionDenied": "permission denied: {message}; docs/databricks.md lists the required grants",
    "BadRequest": "the workspace rejected the request: {message}",
    "NotFound": "not found: {message}",
    "ResourceConflict": "change in progress: {message}; wait (python -m serving status), then run the command again",
    "TooManyRequests": "too many calls to the workspace (limit: 50 changes in 5 minutes); run the command again later",
}


def connect_workspace(host: str | None = None, token: str = "") -> "WorkspaceClient":
    """Return a client of a Databricks workspace that answers.

    Args:
        host: Address of a workspace that was just created; None for the workspace that the SDK finds (DATABRICKS_HOST,
            a configuration profile, …).
        token: A user's token, which authenticates in place of what the SDK finds; empty for the latter.

    Raises:
        ServingError: No workspace is configured, or the workspace cannot be reached. The SDK alone would try to reach
            the workspace for minutes.
    """
    from databricks.sdk import WorkspaceClient  # takes a second to import
    from databricks.sdk.config import Config

    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)  # its long warnings repeat the errors below
    if host:  # before Config, which queries the host only once
        _require_reachable(host, _NEW_WORKSPACE_SECONDS)
    # the variables of an App contain a service principal's secret, too, and the SDK refuses two ways at once
    credentials: dict[str, Any] = {"token": token, "auth_type": "pat"} if token else {}
    try:
        config = Config(
            host=host,
            http_timeout_seconds=_REACH_SECONDS,
            retry_timeout_seconds=_REACH_SECONDS,
            **credentials,
        )
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
    """Raise ServingError when no server answers at ``host`` within ``patience`` seconds; any HTTP status will do."""
    try:
        for attempt in Retrying(stop=stop_after_delay(patience), wait=wait_fixed(_RETRY_PAUSE), reraise=True):
            with attempt:
                requests.head(host, timeout=_REACH_SECONDS, verify=verify)
    except requests.RequestException as error:
        raise ServingError(
            f"cannot reach the workspace {host} ({type(error).__name__}); check DATABRICKS_HOST, or the profile "
            "in ~/.databrickscfg, and the network"
        ) from None


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Translate the SDK's errors in the block into sentences.

    Args:
        action: The work of the block, such as "creating the endpoint multichain"; begins the sentence.

    Raises:
        ServingError: The workspace refused a call, timed out or cannot be reached.
    """
    from databricks.sdk.errors.base import DatabricksError  # takes a second to import

    try:
        yield
    except (DatabricksError, TimeoutError, OSError) as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        template = next((_MESSAGES[kind] for kind in kinds if kind in _MESSAGES), "")
        # without the prefix that MLflow's server adds, and the configuration that the SDK appends
        message = str(error).rpartition("Error: ")[2].strip().partition("\n")[0].partition(" Config: ")[0].rstrip(".")
        sentence = (
            template.format(message=message)
            if template
            else f"the call to the workspace failed ({kinds[0]}); run the command again"
        )
        raise ServingError(f"{action}: {sentence}") from None
