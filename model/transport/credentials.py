"""Keys and addresses: from the environment, or from a Databricks secret scope; kept nowhere.

A variable is looked for as MULTICHAIN_<NAME>, as <NAME>, and under <NAME> in the scope that
MULTICHAIN_SECRET_SCOPE names. MLflow's ``spark_udf`` copies OPENAI_API_KEY into the function that it sends to
Spark's workers; it copies neither the first form nor the scope's content.
"""

import asyncio
import base64
import os

from ..errors import CredentialError
from ..runtime import loop_resources
from .databricks_client import workspace

SCOPE = "MULTICHAIN_SECRET_SCOPE"


async def value(variable: str) -> str:
    """The value of ``variable``; "" when it is set nowhere. Raises CredentialError when it cannot be read."""
    scope = os.environ.get(SCOPE)
    found = os.environ.get(f"MULTICHAIN_{variable}") or os.environ.get(variable)
    if not found and scope:
        found = await loop_resources.made(
            ("secret", scope, variable), lambda: asyncio.to_thread(_in_scope, scope, variable)
        )
    told = str(found or "").strip()  # files and terminals add the end of a line
    if not told.isascii():
        raise CredentialError(f"{variable} holds a character that none has; copy it again")
    return told


async def needed(variable: str, title: str, what: str) -> str:
    """The value of ``variable``. Raises CredentialError, naming it, when it is set nowhere."""
    found = await value(variable)
    if not found:
        scope = os.environ.get(SCOPE)
        place = f" and not in the secret scope {scope}" if scope else ""
        raise CredentialError(f"{variable} is not set{place}; set it to {what} {title}")
    return found


def _in_scope(scope: str, key: str) -> str:
    from databricks.sdk.errors import NotFound
    from databricks.sdk.errors.base import DatabricksError

    try:
        told = workspace().secrets.get_secret(scope, key).value
    except NotFound:
        return ""
    except (DatabricksError, ValueError) as error:  # ValueError: no workspace is configured
        raise CredentialError(
            f"the secret scope {scope} cannot be read ({type(error).__name__}); check {SCOPE}, and that whoever runs "
            "this may read it"
        ) from None
    return base64.b64decode(told or "").decode()
