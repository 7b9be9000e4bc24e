"""Databricks Model Serving: foundation models, and external models such as OpenAI's, by the names of endpoints.

Whoever runs it is authenticated as the Databricks SDK does it: in a notebook, a job, an endpoint whose resources
are declared, or by a profile of the CLI. Behind an external-model endpoint the key stays with Databricks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from ..errors import RejectedCallError
from ..interfaces import ImageGenerator, ModelStatus, ProviderFacts
from ..runtime import loop_resources
from ..transport import databricks_client
from .chat_diagrams import ChatDiagramGenerator
from .openai_protocol.service import OpenAIProtocolProvider, ProviderSettings


class DatabricksService(OpenAIProtocolProvider):
    """Databricks' spelling: ``/serving-endpoints`` of the workspace, a token for each call, no stream_options."""

    streams_usage = False

    @property
    def facts(self) -> ProviderFacts:
        """As the others', authenticated by Databricks' SDK."""
        ways_in = f"`{self._address}` and `{self._key}`, or whatever else Databricks' SDK finds"
        return replace(super().facts, credentials=ways_in)

    def images(  # type: ignore[override]
        self,
        chat_models: list[str],
        fallback: bool = True,
        pace: ProviderSettings | None = None,
    ) -> ImageGenerator:
        """Diagrams alone: no endpoint of Databricks makes pictures."""
        return ChatDiagramGenerator(self.chat(chat_models, fallback, pace=pace))

    def requires(self, settings: ProviderSettings) -> set[str]:
        """The distributions that it serves with."""
        return super().requires(settings) | {"databricks-sdk"}

    def check(self, role: str, settings: ProviderSettings) -> None:
        """As the others', whose pictures are diagrams. Raises ProfileError."""
        super().check(role, settings | ({"way": "diagram"} if role == "images" else {}))

    async def standings(self, models: Sequence[str]) -> list[ModelStatus]:
        """Whether each endpoint is there and ready; Databricks does not tell when a model ends."""
        client = await databricks_client.shared_client()
        return [await asyncio.to_thread(self._endpoint_status, client, model) for model in models]

    def _endpoint_status(self, client: Any, model: str) -> ModelStatus:  # the SDK's client
        try:
            with databricks_client.translate_errors(f"databricks:{model}"):
                state = client.serving_endpoints.get(model).state
        except RejectedCallError:
            return ModelStatus(f"{self.name}:{model}", listed=False)
        return ModelStatus(f"{self.name}:{model}", listed=bool(state and state.ready and state.ready.value == "READY"))

    async def _client_settings(self) -> ProviderSettings:
        client = await databricks_client.shared_client()
        host = str(client.config.host).rstrip("/")
        return {
            "api_key": await loop_resources.get_or_create("databricks token", _token_source),
            "base_url": f"{host}/serving-endpoints",
        }


async def _token_source() -> Callable[[], Awaitable[str]]:
    """Gives a token for each call; the SDK renews it."""

    async def token() -> str:
        return (await databricks_client.authentication_headers())["Authorization"].removeprefix("Bearer ")

    return token


SERVICE = DatabricksService("databricks", "Databricks", "DATABRICKS_TOKEN", "DATABRICKS_HOST")

embeddings, chat, images, reranker = SERVICE.embeddings, SERVICE.chat, SERVICE.images, SERVICE.reranker
requires, check, standings = SERVICE.requires, SERVICE.check, SERVICE.standings
OFFER = SERVICE.facts
