"""Read keys and addresses from the environment or from a Databricks secret scope. No key is stored.

A variable is looked up as MULTICHAIN_<NAME>, as <NAME>, and as <NAME> in the scope that MULTICHAIN_SECRET_SCOPE names.
MLflow's ``spark_udf`` copies OPENAI_API_KEY into the function that it sends to Spark's workers; it copies neither the
first form nor the scope's content.
"""

import asyncio
import base64

from ..config import environment
from ..errors import CredentialError
from ..runtime import loop_resources
from .databricks_client import connect_workspace


async def read_variable(variable: str) -> str:
    """Return the value of ``variable``; "" when it is set nowhere.

    Raises:
        CredentialError: The secret scope cannot be read, or the value contains a non-ASCII character.
    """
    setting = environment.read_credential(variable)
    scope = "" if setting else environment.SECRET_SCOPE.read()
    if scope:
        setting = await loop_resources.get_or_create(
            ("secret", scope, variable), lambda: asyncio.to_thread(_read_secret, scope, variable)
        )
    stripped = str(setting or "").strip()  # a copied key often ends with a line break
    if not stripped.isascii():
        raise CredentialError(f"{variable} contains a non-ASCII character; copy it again")
    return stripped


async def require_variable(variable: str, title: str, value_description: str) -> str:
    """Return the value of ``variable``.

    Args:
        variable: Name of the variable.
        title: The service, such as ``Azure OpenAI``.
        value_description: What the variable is to be set to, such as ``your key for``.

    Returns:
        The value.

    Raises:
        CredentialError: The variable is set nowhere. The message names it.
    """
    setting = await read_variable(variable)
    if not setting:
        scope = environment.SECRET_SCOPE.read()
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
            f"the secret scope {scope} cannot be read ({type(error).__name__}); check "
            f"{environment.SECRET_SCOPE.name}, and that whoever runs this may read it"
        ) from None
    return base64.b64decode(encoded or "").decode()
