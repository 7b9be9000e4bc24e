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

from ...errors import AddressError, CredentialError, UnavailableError
from ...interfaces import Images, Offer, Standing
from ...runtime import loop_resources
from ...transport import credentials
from ...transport.error_mapping import reading
from ...transport.rate_limiter import Endpoint, Rates, heard
from ...transport.response_cache import Cache
from ...transport.retry import first
from .. import model_catalog
from ..chat_diagrams import Diagrams
from ..chat_models import ChatSource, Generative
from ..rerankers import ChatReranker
from . import images as pictures
from .embeddings import ServedEmbeddings
from .images import Auto, ImagesApi, ResponsesTool

Settings = dict[str, Any]
TIMEOUT = 120.0
_DAY = 86_400  # seconds


class Service:
    """OpenAI's own spelling: a key, and an address that has a default or is needed."""

    encoding: str | None = None
    """What embeddings are asked for in; None is what the SDK prefers, base64."""
    streams_usage = True
    """Whether it can be asked to count the tokens of a streamed reply."""

    def __init__(self, name: str, title: str, key: str, address: str, *, own: bool = False) -> None:
        """``key`` and ``address`` are variables; a server of one's ``own`` needs the address, and maybe no key."""
        self.name, self._title, self._key, self._address, self._own = name, title, key, address, own

    def embeddings(
        self, model: str, dimensions: int = 0, pace: Settings | None = None, cache: int = _DAY
    ) -> ServedEmbeddings:
        """One embedding model: another one's vectors would not fit the index, so there is no list of them.

        ``dimensions`` shortens the vectors of a model that can; 0 leaves them whole. Vectors of questions are kept
        for ``cache`` seconds.
        """
        extra: Settings = {"dimensions": dimensions} if dimensions else {}
        extra |= {"encoding_format": self.encoding} if self.encoding else {}
        endpoint = Endpoint("embeddings", self.name, Rates.told(pace))
        kept = Cache("embeddings", cache, self._who)
        return ServedEmbeddings(endpoint, kept, model, partial(self._embedder, model), extra)

    def chat(
        self,
        models: list[str],
        fallback: bool = True,
        temperature: float | None = None,
        window: int = 0,
        pace: Settings | None = None,
        cache: int = 0,
    ) -> Generative:
        """Chat models in order of preference; without ``fallback`` the first alone.

        Without ``temperature`` it is 0 for models that are known to take one, and not sent to others. ``window`` is
        how many tokens the models read at once, where that is not published.
        """
        chosen = models if fallback else models[:1]
        sources = [ChatSource(self.name, model, partial(self._chat, model, temperature), window) for model in chosen]
        endpoint = Endpoint("chat", self.name, Rates.told(pace))
        return Generative(
            {f"{self.name}:{source.model}": source for source in sources}, endpoint, Cache("chat", cache, self._who)
        )

    def reranker(
        self,
        models: list[str],
        fallback: bool = True,
        window: int = 0,
        pace: Settings | None = None,
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
        pace: Settings | None = None,
        cache: int = 0,
    ) -> Images:
        """Pictures in one of four ways: ``images``, ``responses``, ``diagram``, or ``auto`` by what is asked."""
        settings = {"quality": quality, "output_format": output_format}
        endpoint, kept = Endpoint("images", self.name, Rates.told(pace)), Cache("images", cache, self._who)
        painters, writers = (names if fallback else names[:1] for names in (models or [], chat_models or []))
        if way == "responses":
            return ResponsesTool(endpoint, kept, writers, self._client, settings, next(iter(painters), ""))
        diagrams = Diagrams(self.chat(writers, fallback, pace=pace, cache=cache))
        if way == "diagram":
            return diagrams
        pictures = ImagesApi(endpoint, kept, painters, self._client, settings)
        return Auto(diagrams, pictures) if way == "auto" else pictures

    @property
    def offer(self) -> Offer:
        """What is to be known of it before it is named."""
        key = f"`{self._key}`, if it asks for one" if self._own else f"`{self._key}`"
        tokens = "yes" if self.streams_usage else "yes, but not of streamed replies"
        return Offer("yes", tokens, f"{key}; `{self._address}`{'' if self._own else ' for another address'}")

    def requires(self, settings: Settings) -> set[str]:
        """The distributions that it serves with; those that draw diagrams, where it may be asked for one."""
        drawing = {"pygraphviz", "textblob"} if settings.get("chat_models") else set()
        return {"langchain-openai", "openai", "tenacity", "pillow"} | drawing

    def check(self, role: str, settings: Settings) -> None:
        """Raises ProfileError for what the types of the settings do not tell."""
        pictures.check_models(settings)
        if role == "images":
            pictures.check_pictures(settings)

    async def standings(self, models: Sequence[str]) -> list[Standing]:
        """How each of ``models`` stands: as the server lists it, or as published. Raises MultichainError."""
        listed = await self._listed()
        return [self._standing(model, listed) for model in models]

    def _standing(self, model: str, listed: dict[str, str] | None) -> Standing:
        known = model_catalog.of(self.name, model)
        ends = (listed or {}).get(model) or (known.ends.isoformat() if known.ends else "")
        return Standing(f"{self.name}:{model}", None if listed is None else model in listed, ends, known.successor)

    async def _listed(self) -> dict[str, str] | None:
        """The models that the server lists, with the day that each ends; None when it has no list."""

        async def asked(_: str) -> dict[str, str]:
            client = await self._client()
            with reading():
                return {model.id: self._end(model) async for model in client.models.list()}

        try:
            _, listed = await first({self.name: ""}, asked)
        except (UnavailableError, AddressError):  # it has no such list, or does not show it
            return None
        return listed or None

    def _end(self, model: Any) -> str:  # the SDK's, which has what the server adds
        return str(getattr(model, "shutdown_date", None) or "")

    async def _who(self) -> str:
        """The credentials that it asks with, as a hash; of a token that changes, where it is for."""
        access = {name: value for name, value in (await self._access()).items() if isinstance(value, str)}
        return sha256(json.dumps(access, sort_keys=True).encode()).hexdigest()

    async def _access(self) -> Settings:
        """What each client is made with. Raises CredentialError, naming what is missing."""
        if not self._own:
            key = await credentials.needed(self._key, self._title, "your key for")
            return {"api_key": key, "base_url": self._checked(await credentials.value(self._address)) or None}
        address = await credentials.needed(self._address, self._title, "the address, ending in /v1, of")
        return {"api_key": await credentials.value(self._key) or "none", "base_url": self._checked(address)}

    def _checked(self, address: str) -> str:
        """The address, which has a scheme. Raises CredentialError."""
        if address and not address.startswith(("http://", "https://")):
            raise CredentialError(f"{self._address} is no address; it begins with https://, or http:// on this machine")
        return address

    async def _chat(self, model: str, temperature: float | None) -> Any:  # LangChain's
        """The LangChain chat model for one model."""
        if temperature is None and model_catalog.of(self.name, model).temperature:
            temperature = 0.0
        settings = {"model": model, "temperature": temperature, "stream_usage": self.streams_usage}
        return await self._made("ChatOpenAI", settings | {"use_responses_api": False})

    async def _embedder(self, model: str) -> Any:
        """What creates embeddings: the client inside LangChain's class, whose own method drops what was used."""
        made = await self._made("OpenAIEmbeddings", {"model": model, "check_embedding_ctx_length": False})
        return made.async_client

    async def _client(self) -> Any:
        """OpenAI's SDK."""
        return await self._made("AsyncOpenAI", {}, package="openai")

    async def _made(self, kind: str, settings: Settings, package: str = "langchain_openai") -> Any:
        """A client of that class, once for each set of settings; classes are imported when they are first needed."""
        access = await self._access()

        async def make() -> Any:
            module = await asyncio.to_thread(import_module, package)
            http = {"http_client" if package == "openai" else "http_async_client": loop_resources.http(_heard)}
            common = {"timeout": TIMEOUT, "max_retries": 0}
            return getattr(module, kind)(**settings, **access, **http, **common)

        return await loop_resources.made((kind, *settings.values(), *access.values()), make)


async def _heard(response: Any) -> None:  # httpx's
    """Takes what a response's headers say of the pace."""
    heard(response.headers)
