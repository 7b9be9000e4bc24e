"""The Databricks workspace of whoever runs this, by Databricks' own SDK, which gives up in seconds, not minutes."""

import logging
import os
from typing import Any
from urllib.parse import urlsplit

from .errors import CredentialError

_SECONDS, _RETRY_SECONDS = 20, 10


def workspace() -> Any:  # noqa: ANN401 - the SDK's client
    """The workspace that the environment names.

    Raises CredentialError for an address that is none, and ValueError when no workspace is configured.
    """
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415 - half a second, for those who use Databricks
    from databricks.sdk.core import Config  # noqa: PLC0415

    host = os.environ.get("DATABRICKS_HOST", "")
    name = urlsplit(host if "//" in host else f"https://{host}").hostname or ""
    if host and "." not in name and name != "localhost":
        raise CredentialError("DATABRICKS_HOST is no address; write it as https://adb-....azuredatabricks.net")
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)  # it warns at length of what it then does otherwise
    return WorkspaceClient(config=Config(http_timeout_seconds=_SECONDS, retry_timeout_seconds=_RETRY_SECONDS))
