"""The Databricks workspace of whoever runs this, by Databricks' own SDK, which gives up in seconds, not minutes."""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..errors import CredentialError, ProviderUnavailableError, RejectedCallError
from ..runtime import loop_resources

UNAUTHENTICATED_MESSAGE = "databricks does not take this token; check DATABRICKS_TOKEN, or log in"
"""What is said to whoever is not let in."""
_SECONDS, _RETRY_SECONDS = 20, 10


def connect_workspace() -> Any:  # the SDK's client
    """The workspace that the environment names.

    Raises CredentialError for an address that is none, and ValueError when no workspace is configured.
    """
    from databricks.sdk import WorkspaceClient  # half a second, for those who use Databricks
    from databricks.sdk.core import Config

    host = os.environ.get("DATABRICKS_HOST", "")
    name = urlsplit(host if "//" in host else f"https://{host}").hostname or ""
    if host and "." not in name and name != "localhost":
        raise CredentialError("DATABRICKS_HOST is no address; write it as https://adb-....azuredatabricks.net")
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)  # it warns at length of what it then does otherwise
    return WorkspaceClient(config=Config(http_timeout_seconds=_SECONDS, retry_timeout_seconds=_RETRY_SECONDS))


@contextmanager
def translate_errors(subject: str) -> Iterator[None]:
    """Says in words what the workspace refuses of ``what`` inside.

    Raises RejectedCallError for what is not there or not permitted, which Databricks does not tell apart,
    CredentialError, and ProviderUnavailableError.
    """
    from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated  # half a second

    try:
        yield
    except (NotFound, PermissionDenied):
        raise RejectedCallError(f"{subject} is not there, or not permitted to whoever runs this") from None
    except Unauthenticated:
        raise CredentialError(UNAUTHENTICATED_MESSAGE) from None
    except (OSError, TimeoutError) as error:  # OSError: all that the SDK raises, and its connections
        raise ProviderUnavailableError(
            f"{subject} cannot be looked up ({type(error).__name__}); try again, or check DATABRICKS_HOST"
        ) from None


async def shared_client() -> Any:
    """The one of the running loop. Raises CredentialError when there is none, or it cannot be asked."""

    async def connect() -> Any:
        try:
            return await asyncio.to_thread(connect_workspace)
        except ValueError:
            raise CredentialError(
                "no Databricks workspace is configured; set DATABRICKS_HOST and DATABRICKS_TOKEN, or log in with "
                "databricks auth login"
            ) from None

    return await loop_resources.get_or_create("databricks", connect)


async def authentication_headers() -> dict[str, str]:
    """What a call to it is authenticated with; the SDK renews it. Raises CredentialError."""
    client = await shared_client()
    try:
        return dict(await asyncio.to_thread(client.config.authenticate))
    except (ValueError, OSError) as error:  # OSError: what Databricks' SDK and its connections raise
        raise CredentialError(
            f"databricks does not let this in ({type(error).__name__}); log in again, or check DATABRICKS_TOKEN"
        ) from None
