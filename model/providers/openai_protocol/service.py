"""The provider for a server that speaks OpenAI's protocol: its settings in a profile, and its clients.

Chat uses LangChain's classes, embeddings and images OpenAI's SDK. Keys and addresses are read from the environment
at the time of a call (transport/credentials.py). A dialect of the protocol is a subclass that creates other clients.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from copy import copy
from functools import partial
from hashlib import sha256
from importlib import import_module
from typing import Any, Literal, Self

from ...config.settings import Count, Factory, Instructions, ModelName, ModelNames, PositiveCount
from ...errors import CredentialError, ModelUnavailableError, ProviderAddressError
from ...interfaces import ImageGenerator, ModelStatus
from ...runtime import loop_resources
from ...transport import credentials
from ...transport.error_mapping import parsing_response
from ...transport.network_settings import check_proxy_variables, explain_client_failure
from ...transport.rate_limiter import Operation, RateLimits, observe_headers
from ...transport.response_cache import ResponseCache
from ...transport.retry import first_available
from .. import model_catalog, token_limits
from ..base import Provider, ProviderSettings
from ..chat_calls import REPLY_TOKENS, ChatSource, limit_reply
from ..chat_diagrams import ChatDiagramGenerator
from ..chat_models import ChatProvider
from ..embedding_prompts import find_prompts
from ..offline.diagrams import OfflineDiagramGenerator
from ..rerankers import ChatReranker
from ..server_facts import ServerFacts, ServerFound
from .embeddings import OpenAIEmbeddings
from .image_content import MAX_BYTES
from .images import (
    AutoGenerator,
    ImageFormat,
    ImageQuality,
    ImagesApiGenerator,
    ImageWay,
    ResponsesApiGenerator,
    check_model_lists,
)

ChatParameter = Literal["temperature", "max_tokens", "stream_options", "response_format"]
EmbeddingParameter = Literal["dimensions", "encoding_format"]
ImageParameter = Literal["quality", "output_format", "response_format"]
TIMEOUT = 120.0
_DAY_SECONDS = 86_400


class OpenAIProtocolProvider(Provider):
    """A service that speaks OpenAI's protocol, authenticated by a key.

    Attributes:
        title: Name of the service in messages.
        key_variable: Environment variable of the key.
        address_variable: Environment variable of the address.
        is_self_hosted: Whether the address is required and the key optional.
    """

    title: str
    key_variable: str
    address_variable: str
    is_self_hosted = False
    encoding = "base64"
    """The ``encoding_format`` of embeddings."""
    streams_usage = True
    """Whether the server can count the tokens of a streamed reply."""
    server: ServerFound | None = None
    """The server that was found for a self-hosted provider without address or model."""

    @property
    def factories(self) -> Mapping[str, Factory]:
        """The factory of each role."""
        return {
            "chat": self.chat,
            "embeddings": self.embeddings,
            "images": self.images,
            "reranker": self.reranker,
        }

    def embeddings(
        self,
        model: ModelName,
        dimensions: PositiveCount = 0,
        question_prompt: str | None = None,
        passage_prompt: str | None = None,
        window: PositiveCount = token_limits.MAX_INPUT_TOKENS,
        batch: Count = 0,
        omit: list[EmbeddingParameter] | None = None,
        pace: RateLimits | None = None,
        cache: Count = _DAY_SECONDS,
        facts: ServerFacts | None = None,
    ) -> OpenAIEmbeddings:
        """Return the embeddings of one model, without fallback: another model's vectors would not fit the index.

        Args:
            model: The name of the model.
            dimensions: The length to which the server shortens the vectors; by default, 0, whole vectors.
            question_prompt: Text that the model expects before a question; by default that of known models.
            passage_prompt: Text that the model expects before a passage; by default that of known models.
            window: How many tokens of a text the model reads; the rest is cut, with a note.
            batch: Largest number of texts in a call; 0 for 2,048, or what the server is found to take.
            omit: Parameters that are not sent.
            pace: Limits of the rate of calls.
            cache: How many seconds the vectors of questions are cached; 0 for never.
            facts: What is known of the server.
        """
        extra = ({"dimensions": dimensions} if dimensions else {}) | {"encoding_format": self.encoding}
        sent = {name: value for name, value in extra.items() if name not in (omit or ())}
        operation = Operation("embeddings", self.name, pace or RateLimits())
        cache_of_vectors = ResponseCache(operation, cache, self._credentials_hash)
        limits = (facts or ServerFacts()).limits_of(self.name, model)
        limits.batch = batch or limits.batch
        prompts = find_prompts(model, question_prompt, passage_prompt)
        return OpenAIEmbeddings(operation, cache_of_vectors, model, self._client, sent, prompts, limits, window)

    def chat(
        self,
        models: ModelNames,
        fallback: bool = True,
        temperature: float | None = None,
        max_tokens: Count = 0,
        window: PositiveCount = 0,
        pace: RateLimits | None = None,
        cache: Count = 0,
        instructions: Instructions = "",
        sub_questions: Count = 0,
        structured: bool | None = None,
        omit: list[ChatParameter] | None = None,
        facts: ServerFacts | None = None,
    ) -> ChatProvider:
        """Return a chat provider.

        Args:
            models: Chat models in order of preference.
            fallback: Whether a model that fails is followed by the next one.
            temperature: The temperature; by default 0, unless the model is known to accept none.
            max_tokens: Largest number of tokens of a reply; by default, 0, 2,048 or a quarter of a small
                window, and no limit for models that think.
            window: The context window in tokens; by default, 0, the published one.
            pace: Limits of the rate of calls.
            cache: How many seconds replies are cached; 0 for never.
            instructions: House rules for answers: tone, language, format. Versioned with the model.
            sub_questions: Most questions into which the model splits a question, each of which is searched; 0 for none.
            structured: Whether the server has structured outputs, so that answers come with a flag for abstaining; by
                default for models that are published to have them.
            omit: Parameters that are not sent.
            facts: What is known of the server.
        """
        omitted = frozenset[str](omit or ())

        reply_limit = max_tokens or limit_reply(window)

        async def make_client(model: str, refused: frozenset[str]) -> Any:
            return await self._chat(model, temperature, reply_limit, refused | omitted)

        facts = facts or ServerFacts()
        sources = [
            ChatSource(
                self.name,
                model,
                partial(make_client, model),
                window,
                tells_end=True,
                takes_schema="response_format" not in omitted,
                structured=structured,
                limits=facts.limits_of(self.name, model),
                reply_limit=reply_limit,
            )
            for model in (models if fallback else models[:1])
        ]
        operation = Operation("chat", self.name, pace or RateLimits())
        return ChatProvider(
            {f"{self.name}:{source.model}": source for source in sources},
            operation,
            ResponseCache(operation, cache, self._credentials_hash),
            instructions,
            sub_questions,
        )

    def reranker(
        self,
        models: ModelNames,
        fallback: bool = True,
        window: PositiveCount = 0,
        pace: RateLimits | None = None,
        facts: ServerFacts | None = None,
    ) -> ChatReranker:
        """Return a reranker by chat models.

        Args:
            models: Chat models in order of preference.
            fallback: Whether a model that fails is followed by the next one.
            window: The context window in tokens; by default, 0, the published one.
            pace: Limits of the rate of calls.
            facts: What is known of the server.
        """
        return ChatReranker(self.chat(models, fallback, window=window, pace=pace, facts=facts))

    def images(
        self,
        models: ModelNames | None = None,
        chat_models: ModelNames | None = None,
        way: ImageWay = "auto",
        fallback: bool = True,
        quality: ImageQuality = "auto",
        output_format: ImageFormat = "webp",
        omit: list[ImageParameter] | None = None,
        pace: RateLimits | None = None,
        cache: Count = 0,
        facts: ServerFacts | None = None,
    ) -> ImageGenerator:
        """Return an image generator.

        Args:
            models: Image models in order of preference.
            chat_models: Chat models that describe diagrams or call the image tool, in order of preference.
            way: ``images``, ``responses``, ``diagram``, or ``auto``, which decides by the prompt, draws diagrams alone
                without ``models``, and draws on this machine where a chat model describes no diagram.
            fallback: Whether a model that fails is followed by the next one.
            quality: The quality of the images.
            output_format: The format of the images.
            omit: Parameters that are not sent.
            pace: Limits of the rate of calls.
            cache: How many seconds images are cached; 0 for never.
            facts: What is known of the server.
        """
        wishes: dict[str, Any] = {"quality": quality, "output_format": output_format}
        settings = {name: value for name, value in wishes.items() if name not in (omit or ())}
        operation = Operation("images", self.name, pace or RateLimits())
        cache_of_images = ResponseCache(operation, cache, self._credentials_hash)
        painters, writers = (names if fallback else names[:1] for names in (models or [], chat_models or []))
        if way == "responses":
            return ResponsesApiGenerator(
                operation, cache_of_images, writers, self._client, settings, _fetch, next(iter(painters), "")
            )
        chat = self.chat(writers, fallback, pace=pace, cache=cache, facts=facts)
        diagrams = ChatDiagramGenerator(chat, OfflineDiagramGenerator() if way == "auto" else None)
        if way == "diagram" or not painters:
            return diagrams
        if self.is_self_hosted and "response_format" not in (omit or ()):
            settings["response_format"] = "b64_json"  # many servers return an address otherwise
        image_generator = ImagesApiGenerator(
            operation, cache_of_images, painters, self._client, settings, _fetch, facts
        )
        return AutoGenerator(diagrams, image_generator) if way == "auto" else image_generator

    def find_distributions(self, settings: ProviderSettings) -> set[str]:
        """Return the distributions that a version needs to serve; Graphviz's where it may draw a diagram.

        Args:
            settings: The settings of the entry.
        """
        drawing = {"pygraphviz", "textblob"} if settings.get("chat_models") else set()
        return {"langchain-openai", "openai", "aiohttp", "tenacity", "pillow"} | drawing

    def check_settings(self, role: str, settings: ProviderSettings) -> None:
        """Check that the lists of models are there that the way to make images needs.

        Args:
            role: The role of the entry.
            settings: The settings of the entry.

        Raises:
            ProfileError: A list is missing.
        """
        if role == "images":
            check_model_lists(settings)

    def locate(self, server: ServerFound | None) -> Self:
        """Return the provider at a server that was found for it.

        Args:
            server: The server; None where none was looked for.
        """
        if server is None or not self.is_self_hosted:
            return self
        located = copy(self)
        located.server = server
        return located

    def complete_settings(self, role: str, settings: ProviderSettings) -> ProviderSettings:
        """Return the settings with the model of the found server, where they name none.

        Args:
            role: The role of the entry.
            settings: The settings of the entry.
        """
        is_complete = role == "embeddings" or settings.get("models") or settings.get("chat_models")
        if is_complete or self.server is None or not self.server.model:
            return settings
        return {**settings, "chat_models" if role == "images" else "models": [self.server.model]}

    async def list_names(self) -> list[str]:
        """Return the names of the models that the server lists, in its order; empty where it has no list.

        Raises:
            ProviderError: The server did not answer.
            CredentialError: A key or an address is missing.
        """
        return list(await self._list_models() or {})

    async def list_statuses(self, models: Sequence[str]) -> list[ModelStatus]:
        """Return the status of each of ``models``: as listed by the server, or as published.

        Args:
            models: Names of models.

        Raises:
            ProviderError: The server did not answer.
            CredentialError: A key or an address is missing.
        """
        end_dates = await self._list_models()
        return [self._model_status(model, end_dates) for model in models]

    def _model_status(self, model: str, end_dates: dict[str, str] | None) -> ModelStatus:
        facts = model_catalog.find_model(self.name, model)
        end_date = (end_dates or {}).get(model) or (facts.ends.isoformat() if facts.ends else "")
        return ModelStatus(
            f"{self.name}:{model}", None if end_dates is None else model in end_dates, end_date, facts.successor
        )

    async def _list_models(self) -> dict[str, str] | None:
        """Return the end date of each model that the server lists, or None where the server has no list."""

        async def call(_: str) -> dict[str, str]:
            client = await self._client()
            with parsing_response():
                return {model.id: self._end_date(model) async for model in client.models.list()}

        try:
            _, end_dates = await first_available({self.name: ""}, call)
        except (ModelUnavailableError, ProviderAddressError):  # many servers have no list, or do not show it
            return None
        return end_dates or None

    def _end_date(self, model: Any) -> str:  # the SDK's model, which keeps the server's own fields
        return str(getattr(model, "shutdown_date", None) or "")

    async def _credentials_hash(self) -> str:
        """Return a hash of the credentials in use, without tokens, which change: of those the address counts."""
        access = {name: value for name, value in (await self._client_settings()).items() if isinstance(value, str)}
        return sha256(json.dumps(access, sort_keys=True).encode()).hexdigest()

    async def _client_settings(self) -> dict[str, Any]:
        """Return the arguments that every client is created with.

        Raises:
            CredentialError: A key or an address is missing; the message names the variable.
        """
        if not self.is_self_hosted:
            key = await credentials.require_variable(self.key_variable, self.title, "your key for")
            return {
                "api_key": key,
                "base_url": self._check_address(await credentials.read_variable(self.address_variable)) or None,
            }
        address = await credentials.read_variable(self.address_variable) or (self.server and self.server.address)
        if not address:
            address = await credentials.require_variable(
                self.address_variable, self.title, "the address, ending in /v1, of"
            )
        return {
            "api_key": await credentials.read_variable(self.key_variable) or "none",
            "base_url": self._check_address(address),
        }

    def _check_address(self, address: str) -> str:
        """Return ``address`` where it has a scheme.

        Raises:
            CredentialError: The address does not begin with http:// or https://.
        """
        if address and not address.startswith(("http://", "https://")):
            raise CredentialError(
                f"{self.address_variable} is not an address; write https://…, or http://… for a server on this machine"
            )
        return address

    async def _chat(self, model: str, temperature: float | None, max_tokens: int, refused: frozenset[str]) -> Any:
        """Return LangChain's chat model, without the parameters that the server refused.

        A model that is published to take no temperature thinks before it answers, and its thoughts count as tokens.
        """
        facts = model_catalog.find_model(self.name, model)
        if facts.temperature or not facts.window:
            temperature = 0.0 if temperature is None else temperature
            max_tokens = max_tokens or REPLY_TOKENS
        settings = {"model": model} | self._chat_settings(temperature, max_tokens, refused)
        return await self._get_client("ChatOpenAI", settings)

    def _chat_settings(self, temperature: float | None, max_tokens: int, refused: frozenset[str]) -> dict[str, Any]:
        """Return the settings of a LangChain chat model, whose field is None where a parameter is not sent."""
        is_limited = max_tokens and refused.isdisjoint({"max_tokens", "max_completion_tokens"})
        return {
            "temperature": None if "temperature" in refused else temperature,
            "max_tokens": max_tokens if is_limited else None,
            "stream_usage": self.streams_usage and "stream_options" not in refused,
            "use_responses_api": False,
            "http_socket_options": (),  # those of the client that is passed count; else it warns of every proxy
        }

    async def _client(self) -> Any:
        """Return the client of OpenAI's SDK."""
        return await self._get_client("AsyncOpenAI", {}, package="openai")

    async def _get_client(self, kind: str, settings: dict[str, Any], package: str = "langchain_openai") -> Any:
        """Return a client of the class ``kind``, created once for each set of settings and credentials.

        The package is imported on first use.
        """
        access = await self._client_settings()

        async def create() -> Any:
            module = await asyncio.to_thread(import_module, package)
            check_proxy_variables()
            try:
                client = loop_resources.http_client(_observe_headers)
                http = {"http_client" if package == "openai" else "http_async_client": client}
                return getattr(module, kind)(**settings, **access, **http, timeout=TIMEOUT, max_retries=0)
            except (ImportError, ValueError, OSError) as error:
                raise explain_client_failure(error) from None

        return await loop_resources.get_or_create((kind, *settings.values(), *access.values()), create)


async def _fetch(url: str) -> bytes:
    """Return the content at an address, without sending a key there.

    Raises:
        OSError: There is none, or it is too large.
    """
    from httpx2 import HTTPError, InvalidURL  # what OpenAI's SDK calls with

    content = bytearray()
    try:
        http = loop_resources.http_client(_observe_headers)
        async with http.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as response:
            response.raise_for_status()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > MAX_BYTES:
                    raise OSError
    except (HTTPError, InvalidURL) as error:
        raise OSError from error
    return bytes(content)


async def _observe_headers(response: Any) -> None:  # httpx's
    """Pass the headers of a response to the rate limiter."""
    observe_headers(response.headers)
