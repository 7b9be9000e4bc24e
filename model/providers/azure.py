"""Azure OpenAI, where models are named by their deployments.

AZURE_OPENAI_ENDPOINT is the address of the resource, AZURE_OPENAI_API_KEY its key. Without a key, the provider
authenticates by Entra ID with the identity that azure-identity finds: a managed identity, the variables of a service
principal, or a login.
"""

import asyncio
import logging
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

from ..errors import CredentialError
from ..runtime import loop_resources
from ..transport import credentials
from .base import ProviderSettings
from .openai_protocol.service import OpenAIProtocolProvider

_VERSION = "2024-10-21"
"""The newest version of the API that is not a preview; AZURE_OPENAI_API_VERSION overrides it."""
_SCOPE = "https://cognitiveservices.azure.com/.default"


class AzureProvider(OpenAIProtocolProvider):
    """Azure's dialect of the protocol: deployment in the path, version in the query, ``api-key`` header or Entra ID."""

    name = "azure"
    title = "Azure OpenAI"
    key_variable, address_variable = "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"

    def find_distributions(self, settings: ProviderSettings) -> set[str]:
        """Return the distributions that a version needs to serve, with azure-identity where it is installed.

        Args:
            settings: The settings of the entry.
        """
        return super().find_distributions(settings) | ({"azure-identity"} if _is_identity_installed() else set())

    async def _client_settings(self) -> dict[str, Any]:
        address = self._check_address(
            await credentials.require_variable(self.address_variable, self.title, "the address of your resource at")
        )
        version = await credentials.read_variable("AZURE_OPENAI_API_VERSION") or _VERSION
        key = await credentials.read_variable(self.key_variable)
        credential = (
            {"api_key": key}
            if key
            else {"azure_ad_token_provider": await loop_resources.get_or_create("entra", _entra_token_source)}
        )
        return {"azure_endpoint": address, "api_version": version} | credential

    async def _chat(self, model: str, temperature: float | None, max_tokens: int, refused: frozenset[str]) -> Any:
        """Return LangChain's chat model; a deployment's name does not tell what its model takes by default."""
        settings = {"azure_deployment": model} | self._chat_settings(temperature, max_tokens, refused)
        return await self._get_client("AzureChatOpenAI", settings)

    async def _client(self) -> Any:
        return await self._get_client("AsyncAzureOpenAI", {}, package="openai")

    def _end_date(self, model: Any) -> str:
        """Return the end date of a model, which Azure states as Unix time for the models behind deployments."""
        timestamp = (getattr(model, "deprecation", None) or {}).get("inference")
        return datetime.fromtimestamp(timestamp, UTC).date().isoformat() if timestamp else ""


async def _entra_token_source() -> Any:  # an async function that returns a token
    """Return a source of tokens for the identity that azure-identity finds.

    Raises:
        CredentialError: azure-identity is not installed; the source raises it when no identity gets a token.
    """
    if not _is_identity_installed():
        raise CredentialError(
            "AZURE_OPENAI_API_KEY is not set, and Entra ID needs azure-identity, which is not installed; "
            "set the key, or pip install -e '.[azure]'"
        )

    def provider() -> Any:
        from azure.identity import DefaultAzureCredential, get_bearer_token_provider

        logging.getLogger("azure.identity").setLevel(logging.ERROR)  # it logs a paragraph for each source that it tries
        return get_bearer_token_provider(DefaultAzureCredential(), _SCOPE)

    token_provider = await asyncio.to_thread(provider)

    async def token() -> str:
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return str(await asyncio.to_thread(token_provider))
        except ClientAuthenticationError:
            raise CredentialError(
                "AZURE_OPENAI_API_KEY is not set, and Entra ID returned no token; set the key, log in, or give this "
                "machine's identity the role Cognitive Services OpenAI User"
            ) from None

    return token


def _is_identity_installed() -> bool:
    try:
        return find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False
