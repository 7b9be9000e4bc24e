"""Connect to the Databricks workspace of whoever runs this, through Databricks' SDK, which gives up in seconds."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..config import environment
from ..errors import CredentialError, ProviderUnavailableError, RejectedCallError
from ..runtime import loop_resources

UNAUTHENTICATED_MESSAGE = "databricks does not take this token; check DATABRICKS_TOKEN, or log in"
"""Message for a caller whom the workspace does not know."""
_SECONDS, _RETRY_SECONDS = 20, 10


def connect_workspace() -> Any:  # the SDK's client
    """Return a client of the workspace that the environment names.

    Raises:
        CredentialError: DATABRICKS_HOST is no address.
        ValueError: No workspace is configured.
    """
    from databricks.sdk import WorkspaceClient  # half a second, for those who use Databricks
    from databricks.sdk.core import Config

    host = environment.read_text("DATABRICKS_HOST")
    name = urlsplit(host if "//" in host else f"https://{host}").hostname or ""
    if host and "." not in name and name != "localhost":
        raise CredentialError("DATABRICKS_HOST is not an address; write it as https://adb-....azuredatabricks.net")
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)  # its warnings repeat what the error below says
    return WorkspaceClient(config=Config(http_timeout_seconds=_SECONDS, retry_timeout_seconds=_RETRY_SECONDS))


@contextmanager
def translate_errors(subject: str) -> Iterator[None]:
    """Translate what the workspace raises inside into errors of this project.

    Args:
        subject: What is looked up, for the message.

    Raises:
        RejectedCallError: The subject does not exist or is not permitted; Databricks does not tell these apart.
        CredentialError: The workspace does not know the caller.
        ProviderUnavailableError: The workspace cannot be reached.
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
    """Return this event loop's client of the workspace.

    Raises:
        CredentialError: No workspace is configured, or its address is none.
    """

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
    """Return the headers that authenticate a call to the workspace; the SDK renews them.

    Raises:
        CredentialError: The SDK cannot authenticate.
    """
    client = await shared_client()
    try:
        return dict(await asyncio.to_thread(client.config.authenticate))
    except (ValueError, OSError) as error:  # OSError: what Databricks' SDK and its connections raise
        raise CredentialError(
            f"databricks does not let this in ({type(error).__name__}); log in again, or check DATABRICKS_TOKEN"
        ) from None
