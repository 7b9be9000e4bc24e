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
from .databricks_client import connect_workspace

SCOPE_VARIABLE = "MULTICHAIN_SECRET_SCOPE"


async def read_variable(variable: str) -> str:
    """The value of ``variable``; "" when it is set nowhere. Raises CredentialError when it cannot be read."""
    scope = os.environ.get(SCOPE_VARIABLE)
    setting = os.environ.get(f"MULTICHAIN_{variable}") or os.environ.get(variable)
    if not setting and scope:
        setting = await loop_resources.get_or_create(
            ("secret", scope, variable), lambda: asyncio.to_thread(_read_secret, scope, variable)
        )
    stripped = str(setting or "").strip()  # files and terminals add the end of a line
    if not stripped.isascii():
        raise CredentialError(f"{variable} holds a character that none has; copy it again")
    return stripped


async def require_variable(variable: str, title: str, value_description: str) -> str:
    """The value of ``variable``. Raises CredentialError, naming it, when it is set nowhere."""
    setting = await read_variable(variable)
    if not setting:
        scope = os.environ.get(SCOPE_VARIABLE)
        location = f" and not in the secret scope {scope}" if scope else ""
        raise CredentialError(f"{variable} is not set{location}; set it to {value_description} {title}")
    return setting


def _read_secret(scope: str, key: str) -> str:
    from databricks.sdk.errors import NotFound
    from databricks.sdk.errors.base import DatabricksError

    try:
        encoded = connect_workspace().secrets.get_secret(scope, key).value
    except NotFound:
        return ""
    except (DatabricksError, ValueError) as error:  # ValueError: no workspace is configured
        raise CredentialError(
            f"the secret scope {scope} cannot be read ({type(error).__name__}); check {SCOPE_VARIABLE}, and that "
            "whoever runs this may read it"
        ) from None
    return base64.b64decode(encoded or "").decode()
