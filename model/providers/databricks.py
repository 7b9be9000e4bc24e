"""Databricks Model Serving: foundation models, and external models such as OpenAI's, named by their endpoints.

The Databricks SDK authenticates: in a notebook, in a job, in an endpoint whose resources are declared, or by a profile
of the CLI. Behind an external-model endpoint, the provider's key stays with Databricks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ..config.settings import ModelNames
from ..errors import RejectedCallError
from ..interfaces import ImageGenerator, ModelStatus
from ..runtime import loop_resources
from ..transport import databricks_client
from ..transport.rate_limiter import RateLimits
from .base import ProviderSettings
from .chat_diagrams import ChatDiagramGenerator
from .openai_protocol.service import OpenAIProtocolProvider


class DatabricksProvider(OpenAIProtocolProvider):
    """Databricks' dialect of the protocol: ``/serving-endpoints``, a token for each call, no ``stream_options``."""

    name = "databricks"
    title = "Databricks"
    key_variable, address_variable = "DATABRICKS_TOKEN", "DATABRICKS_HOST"
    streams_usage = False

    def images(  # type: ignore[override]
        self,
        chat_models: ModelNames,
        fallback: bool = True,
        pace: RateLimits | None = None,
    ) -> ImageGenerator:
        """Return the diagram generator: Databricks has no endpoint that generates images.

        Args:
            chat_models: Endpoints of chat models that write diagrams, in order of preference.
            fallback: Whether a model that fails is followed by the next one.
            pace: Limits of the rate of calls.
        """
        return ChatDiagramGenerator(self.chat(chat_models, fallback, pace=pace))

    def find_distributions(self, settings: ProviderSettings) -> set[str]:
        """Return the distributions that a version needs to serve.

        Args:
            settings: The settings of the entry.
        """
        return super().find_distributions(settings) | {"databricks-sdk"}

    def check_settings(self, role: str, settings: ProviderSettings) -> None:
        """Accept all settings of valid types: images are always diagrams.

        Args:
            role: The role of the entry.
            settings: The settings of the entry.
        """

    async def list_statuses(self, models: Sequence[str]) -> list[ModelStatus]:
        """Return whether each endpoint exists and is ready; Databricks does not publish end dates of models.

        Args:
            models: Names of endpoints.

        Raises:
            CredentialError: The workspace does not know the caller.
            ProviderUnavailableError: The workspace cannot be reached.
        """
        client = await databricks_client.shared_client()
        return [await asyncio.to_thread(self._endpoint_status, client, model) for model in models]

    def _endpoint_status(self, client: Any, model: str) -> ModelStatus:  # the SDK's client
        try:
            with databricks_client.translate_errors(f"databricks:{model}"):
                state = client.serving_endpoints.get(model).state
        except RejectedCallError:
            return ModelStatus(f"{self.name}:{model}", listed=False)
        return ModelStatus(f"{self.name}:{model}", listed=bool(state and state.ready and state.ready.value == "READY"))

    async def _client_settings(self) -> dict[str, Any]:
        client = await databricks_client.shared_client()
        host = str(client.config.host).rstrip("/")
        return {
            "api_key": await loop_resources.get_or_create("databricks token", _token_source),
            "base_url": f"{host}/serving-endpoints",
        }


async def _token_source() -> Callable[[], Awaitable[str]]:
    """Return a function that returns a token for each call; the SDK renews the token."""

    async def token() -> str:
        return (await databricks_client.authentication_headers())["Authorization"].removeprefix("Bearer ")

    return token
