"""A server that speaks OpenAI's protocol: what a profile can name of it, and the clients that speak to it.

Chat and embeddings go through LangChain's own classes, pictures through OpenAI's SDK. Keys and addresses come from
the environment when a call is made (credentials.py). Each spelling of the protocol is a subclass that says how its
clients are made.
"""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from importlib import import_module
from typing import Any

from ...errors import CredentialError, ModelUnavailableError, ProviderAddressError
from ...interfaces import ImageGenerator, ModelStatus, ProviderFacts
from ...runtime import loop_resources
from ...transport import credentials
from ...transport.error_mapping import parsing_response
from ...transport.rate_limiter import Operation, RateLimits, observe_headers
from ...transport.response_cache import ResponseCache
from ...transport.retry import first_available
from .. import model_catalog
from ..chat_diagrams import ChatDiagramGenerator
from ..chat_models import ChatProvider, ChatSource
from ..rerankers import ChatReranker
from .embeddings import OpenAIEmbeddings
from .images import AutoGenerator, ImagesApiGenerator, ResponsesApiGenerator, check_image_settings, check_models

ProviderSettings = dict[str, Any]
TIMEOUT = 120.0
_DAY_SECONDS = 86_400  # seconds


class OpenAIProtocolProvider:
    """OpenAI's own spelling: a key, and an address that has a default or is needed."""

    encoding: str | None = None
    """What embeddings are asked for in; None is what the SDK prefers, base64."""
    streams_usage = True
    """Whether it can be asked to count the tokens of a streamed reply."""

    def __init__(self, name: str, title: str, key: str, address: str, *, own: bool = False) -> None:
        """``key`` and ``address`` are variables; a server of one's ``own`` needs the address, and maybe no key."""
        self.name, self._title, self._key, self._address, self._is_self_hosted = name, title, key, address, own

    def embeddings(
        self, model: str, dimensions: int = 0, pace: ProviderSettings | None = None, cache: int = _DAY_SECONDS
    ) -> OpenAIEmbeddings:
        """One embedding model: another one's vectors would not fit the index, so there is no list of them.

        ``dimensions`` shortens the vectors of a model that can; 0 leaves them whole. Vectors of questions are kept
        for ``cache`` seconds.
        """
        extra: ProviderSettings = {"dimensions": dimensions} if dimensions else {}
        extra |= {"encoding_format": self.encoding} if self.encoding else {}
        operation = Operation("embeddings", self.name, RateLimits.from_settings(pace))
        cache_of_vectors = ResponseCache("embeddings", cache, self._credentials_hash)
        return OpenAIEmbeddings(operation, cache_of_vectors, model, partial(self._embedder, model), extra)

    def chat(
        self,
        models: list[str],
        fallback: bool = True,
        temperature: float | None = None,
        window: int = 0,
        pace: ProviderSettings | None = None,
        cache: int = 0,
    ) -> ChatProvider:
        """Chat models in order of preference; without ``fallback`` the first alone.

        Without ``temperature`` it is 0 for models that are known to take one, and not sent to others. ``window`` is
        how many tokens the models read at once, where that is not published.
        """
        chosen = models if fallback else models[:1]
        sources = [ChatSource(self.name, model, partial(self._chat, model, temperature), window) for model in chosen]
        operation = Operation("chat", self.name, RateLimits.from_settings(pace))
        return ChatProvider(
            {f"{self.name}:{source.model}": source for source in sources},
            operation,
            ResponseCache("chat", cache, self._credentials_hash),
        )

    def reranker(
        self,
        models: list[str],
        fallback: bool = True,
        window: int = 0,
        pace: ProviderSettings | None = None,
    ) -> ChatReranker:
        """Chat models that order the passages of a search anew."""
        return ChatReranker(self.chat(models, fallback, window=window, pace=pace))

    def images(
        self,
        models: list[str] | None = None,
        chat_models: list[str] | None = None,
        way: str = "auto",
        fallback: bool = True,
        quality: str = "auto",
        output_format: str = "webp",
        pace: ProviderSettings | None = None,
        cache: int = 0,
    ) -> ImageGenerator:
        """Pictures in one of four ways: ``images``, ``responses``, ``diagram``, or ``auto`` by what is asked."""
        settings = {"quality": quality, "output_format": output_format}
        operation, cache_of_images = (
            Operation("images", self.name, RateLimits.from_settings(pace)),
            ResponseCache("images", cache, self._credentials_hash),
        )
        painters, writers = (names if fallback else names[:1] for names in (models or [], chat_models or []))
        if way == "responses":
            return ResponsesApiGenerator(
                operation, cache_of_images, writers, self._client, settings, next(iter(painters), "")
            )
        diagrams = ChatDiagramGenerator(self.chat(writers, fallback, pace=pace, cache=cache))
        if way == "diagram":
            return diagrams
        image_generator = ImagesApiGenerator(operation, cache_of_images, painters, self._client, settings)
        return AutoGenerator(diagrams, image_generator) if way == "auto" else image_generator

    @property
    def facts(self) -> ProviderFacts:
        """What is to be known of it before it is named."""
        key = f"`{self._key}`, if it asks for one" if self._is_self_hosted else f"`{self._key}`"
        tokens = "yes" if self.streams_usage else "yes, but not of streamed replies"
        return ProviderFacts(
            "yes", tokens, f"{key}; `{self._address}`{'' if self._is_self_hosted else ' for another address'}"
        )

    def requires(self, settings: ProviderSettings) -> set[str]:
        """The distributions that it serves with; those that draw diagrams, where it may be asked for one."""
        drawing = {"pygraphviz", "textblob"} if settings.get("chat_models") else set()
        return {"langchain-openai", "openai", "tenacity", "pillow"} | drawing

    def check(self, role: str, settings: ProviderSettings) -> None:
        """Raises ProfileError for what the types of the settings do not tell."""
        check_models(settings)
        if role == "images":
            check_image_settings(settings)

    async def standings(self, models: Sequence[str]) -> list[ModelStatus]:
        """How each of ``models`` stands: as the server lists it, or as published. Raises MultichainError."""
        end_dates = await self._list_models()
        return [self._model_status(model, end_dates) for model in models]

    def _model_status(self, model: str, end_dates: dict[str, str] | None) -> ModelStatus:
        facts = model_catalog.find_model(self.name, model)
        end_date = (end_dates or {}).get(model) or (facts.ends.isoformat() if facts.ends else "")
        return ModelStatus(
            f"{self.name}:{model}", None if end_dates is None else model in end_dates, end_date, facts.successor
        )

    async def _list_models(self) -> dict[str, str] | None:
        """The models that the server lists, with the day that each ends; None when it has no list."""

        async def call(_: str) -> dict[str, str]:
            client = await self._client()
            with parsing_response():
                return {model.id: self._end_date(model) async for model in client.models.list()}

        try:
            _, end_dates = await first_available({self.name: ""}, call)
        except (ModelUnavailableError, ProviderAddressError):  # it has no such list, or does not show it
            return None
        return end_dates or None

    def _end_date(self, model: Any) -> str:  # the SDK's, which has what the server adds
        return str(getattr(model, "shutdown_date", None) or "")

    async def _credentials_hash(self) -> str:
        """The credentials that it asks with, as a hash; of a token that changes, where it is for."""
        access = {name: value for name, value in (await self._client_settings()).items() if isinstance(value, str)}
        return sha256(json.dumps(access, sort_keys=True).encode()).hexdigest()

    async def _client_settings(self) -> ProviderSettings:
        """What each client is made with. Raises CredentialError, naming what is missing."""
        if not self._is_self_hosted:
            key = await credentials.require_variable(self._key, self._title, "your key for")
            return {
                "api_key": key,
                "base_url": self._check_address(await credentials.read_variable(self._address)) or None,
            }
        address = await credentials.require_variable(self._address, self._title, "the address, ending in /v1, of")
        return {
            "api_key": await credentials.read_variable(self._key) or "none",
            "base_url": self._check_address(address),
        }

    def _check_address(self, address: str) -> str:
        """The address, which has a scheme. Raises CredentialError."""
        if address and not address.startswith(("http://", "https://")):
            raise CredentialError(f"{self._address} is no address; it begins with https://, or http:// on this machine")
        return address

    async def _chat(self, model: str, temperature: float | None) -> Any:  # LangChain's
        """The LangChain chat model for one model."""
        if temperature is None and model_catalog.find_model(self.name, model).temperature:
            temperature = 0.0
        settings = {"model": model, "temperature": temperature, "stream_usage": self.streams_usage}
        return await self._get_client("ChatOpenAI", settings | {"use_responses_api": False})

    async def _embedder(self, model: str) -> Any:
        """What creates embeddings: the client inside LangChain's class, whose own method drops what was used."""
        embeddings_client = await self._get_client(
            "OpenAIEmbeddings", {"model": model, "check_embedding_ctx_length": False}
        )
        return embeddings_client.async_client

    async def _client(self) -> Any:
        """OpenAI's SDK."""
        return await self._get_client("AsyncOpenAI", {}, package="openai")

    async def _get_client(self, kind: str, settings: ProviderSettings, package: str = "langchain_openai") -> Any:
        """A client of that class, once for each set of settings; classes are imported when they are first needed."""
        access = await self._client_settings()

        async def create() -> Any:
            module = await asyncio.to_thread(import_module, package)
            http = {
                "http_client" if package == "openai" else "http_async_client": loop_resources.http_client(
                    _observe_headers
                )
            }
            common = {"timeout": TIMEOUT, "max_retries": 0}
            return getattr(module, kind)(**settings, **access, **http, **common)

        return await loop_resources.get_or_create((kind, *settings.values(), *access.values()), create)


async def _observe_headers(response: Any) -> None:  # httpx's
    """Takes what a response's headers say of the pace."""
    observe_headers(response.headers)
