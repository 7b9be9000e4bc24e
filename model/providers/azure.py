"""Azure OpenAI: models are named by their deployments.

AZURE_OPENAI_ENDPOINT is the resource's address, AZURE_OPENAI_API_KEY its key. Without a key it is Entra ID, with
whatever azure-identity finds: a managed identity, a service principal's variables, a login.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

from ..errors import CredentialError
from ..interfaces import ProviderFacts
from ..runtime import loop_resources
from ..transport import credentials
from .openai_protocol.service import OpenAIProtocolProvider, ProviderSettings

_VERSION = "2024-10-21"
"""The newest version of the API that is no preview; AZURE_OPENAI_API_VERSION names another."""
_SCOPE = "https://cognitiveservices.azure.com/.default"


class AzureService(OpenAIProtocolProvider):
    """Azure's spelling: a deployment in the path, a version in the query, a key of its own header or Entra ID."""

    @property
    def facts(self) -> ProviderFacts:
        """As the others', with Entra ID."""
        return replace(super().facts, credentials=f"`{self._address}`; `{self._key}`, or Entra ID")

    def requires(self, settings: ProviderSettings) -> set[str]:
        """The distributions that it serves with; azure-identity where it is installed."""
        return super().requires(settings) | ({"azure-identity"} if _is_identity_installed() else set())

    async def _client_settings(self) -> ProviderSettings:
        address = self._check_address(
            await credentials.require_variable(self._address, self._title, "the address of your resource at")
        )
        version = await credentials.read_variable("AZURE_OPENAI_API_VERSION") or _VERSION
        key = await credentials.read_variable(self._key)
        proof = (
            {"api_key": key}
            if key
            else {"azure_ad_token_provider": await loop_resources.get_or_create("entra", _entra_token_source)}
        )
        return {"azure_endpoint": address, "api_version": version} | proof

    async def _chat(self, model: str, temperature: float | None) -> Any:  # LangChain's
        settings = {"azure_deployment": model, "temperature": temperature, "stream_usage": True}
        return await self._get_client("AzureChatOpenAI", settings | {"use_responses_api": False})

    async def _embedder(self, model: str) -> Any:
        settings = {"azure_deployment": model, "check_embedding_ctx_length": False}
        return (await self._get_client("AzureOpenAIEmbeddings", settings)).async_client

    async def _client(self) -> Any:
        return await self._get_client("AsyncAzureOpenAI", {}, package="openai")

    def _end_date(self, model: Any) -> str:
        """Azure tells it as Unix time, for the models that deployments are made of."""
        timestamp = (getattr(model, "deprecation", None) or {}).get("inference")
        return datetime.fromtimestamp(timestamp, UTC).date().isoformat() if timestamp else ""


async def _entra_token_source() -> Any:  # a function that gives a token
    """Gives tokens of whoever azure-identity finds. Raises CredentialError when it is not installed."""
    if not _is_identity_installed():
        raise CredentialError(
            "AZURE_OPENAI_API_KEY is not set, and Entra ID needs azure-identity, which is not installed; "
            "set the key, or pip install -e '.[azure]'"
        )

    def provider() -> Any:
        from azure.identity import DefaultAzureCredential, get_bearer_token_provider

        logging.getLogger("azure.identity").setLevel(logging.ERROR)  # it tells at length of each way that it tried
        return get_bearer_token_provider(DefaultAzureCredential(), _SCOPE)

    token_provider = await asyncio.to_thread(provider)

    async def token() -> str:
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return str(await asyncio.to_thread(token_provider))
        except ClientAuthenticationError:
            raise CredentialError(
                "AZURE_OPENAI_API_KEY is not set, and Entra ID gives no token; set the key, log in, or give this "
                "machine's identity the role Cognitive Services OpenAI User"
            ) from None

    return token


def _is_identity_installed() -> bool:
    try:
        return find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False


SERVICE = AzureService("azure", "Azure OpenAI", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")

embeddings, chat, images, reranker = SERVICE.embeddings, SERVICE.chat, SERVICE.images, SERVICE.reranker
requires, check, standings = SERVICE.requires, SERVICE.check, SERVICE.standings
OFFER = SERVICE.facts
