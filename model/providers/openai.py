"""OpenAI, and whoever speaks its protocol: chat and embeddings through LangChain, pictures through OpenAI's SDK.

Retries are the SDK's alone: time-outs, 408, 409, 429, 5xx and dropped connections, with jitter, honouring
``retry-after``. Keys and addresses come from the environment, when the first call is made.
"""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import pool
from ..errors import CredentialError, ProviderError
from ..retrieval.chunks import Passage
from .base import Picture, Usage, Vectors
from .generative import Generative
from .preference import first

_TIMEOUT, _RETRIES = 120.0, 4
_MOST_INPUTS, _MOST_TOKENS, _MOST_INPUT = 2048, 300_000, 8192
_BYTES_A_TOKEN = 2
"""Fewer than any text that was seen has: a bound, so that no tokenizer has to be downloaded."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a provider's key and address are; a ``default`` key is for servers that ask for none."""

    name: str
    key_variable: str
    address_variable: str
    default: str = ""

    def arguments(self) -> dict[str, Any]:
        """What each client is made with. Raises CredentialError when the key is missing."""
        key = os.environ.get(self.key_variable) or self.default
        if not key:
            raise CredentialError(f"{self.key_variable} is not set; set it to your key for {self.name}")
        address = os.environ.get(self.address_variable)
        if self.default and not address:
            raise CredentialError(f"{self.address_variable} is not set; set it to the server's address, ending in /v1")
        return {"api_key": key, "base_url": address, "timeout": _TIMEOUT, "max_retries": _RETRIES}


OPENAI = Access("OpenAI", "OPENAI_API_KEY", "OPENAI_BASE_URL")


def requires(_settings: dict[str, Any]) -> set[str]:
    """The distributions that it serves with."""
    return {"langchain-openai", "openai"}


class OpenAIEmbeddings:
    """One embedding model: another one's vectors would not fit the index, so there is no list of them here."""

    def __init__(self, access: Access, model: str) -> None:
        self.provider, self.model = access.name.lower(), model
        self._make = partial(_embeddings, access, model)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each text, of norm 1; shape (texts, dimension). A text beyond the model's input is cut."""
        rows: list[list[float]] = []
        for batch in batches(texts):

            async def asked(make: Callable[[], Any], batch: list[str] = batch) -> list[list[float]]:
                return await make().aembed_documents(batch)  # type: ignore[no-any-return]

            _, vectors = await first({f"{self.provider}:{self.model}": self._make}, asked)
            if len(vectors) != len(batch):
                raise ProviderError(f"{self.provider}:{self.model} answered with another number of vectors than asked")
            rows += vectors
        found = np.array(rows, dtype=np.float32)
        norms = np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return np.asarray(found / norms, dtype=np.float32)


class OpenAIImages:
    """The Images API; GPT image models always answer with base64."""

    def __init__(self, access: Access, models: Sequence[str], settings: dict[str, Any]) -> None:
        self._settings, self._provider, self._models = settings, access.name.lower(), models
        self._make = partial(_client, access)

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:  # noqa: ARG002 - for those that draw themselves
        """The picture, in the profile's format; ``sample`` makes no difference: each call draws anew."""
        chosen = self._settings | ({"size": size} if size else {})

        async def asked(model: str) -> Any:  # noqa: ANN401 - the SDK's response
            return await self._make().images.generate(model=model, prompt=prompt, n=1, **chosen)

        name, reply = await first({f"{self._provider}:{model}": model for model in self._models}, asked)
        content = reply.data[0].b64_json if reply.data else None
        if not content:
            raise ProviderError(f"{name} answered without a picture; name an image model")
        told = reply.usage
        usage = (
            Usage(told.input_tokens, told.output_tokens, 1, cost_known=False)
            if told
            else Usage(images=1, cost_known=False)
        )
        mime_type = f"image/{self._settings['output_format']}"
        return Picture(base64.b64decode(content), mime_type, f"Picture of: {prompt}", name, usage)


def embeddings(model: str = "text-embedding-3-small", access: Access = OPENAI) -> OpenAIEmbeddings:
    """The embeddings of one model."""
    return OpenAIEmbeddings(access, model)


def chat(models: list[str], fallback: bool = True, temperature: float = 0.0, access: Access = OPENAI) -> Generative:  # noqa: FBT001, FBT002 - a profile's setting
    """Chat models in order of preference; without ``fallback`` the first alone."""
    chosen = models if fallback else models[:1]
    make = partial(_chat, access, temperature)
    return Generative({f"{access.name.lower()}:{model}": partial(make, model) for model in chosen})


def images(
    models: list[str],
    fallback: bool = True,  # noqa: FBT001, FBT002 - a profile's setting
    quality: str = "auto",
    output_format: str = "webp",
    access: Access = OPENAI,
) -> OpenAIImages:
    """Image models in order of preference; without ``fallback`` the first alone."""
    return OpenAIImages(
        access, models if fallback else models[:1], {"quality": quality, "output_format": output_format}
    )


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """``texts`` in requests that the API takes: 2,048 inputs and 300,000 tokens at most, 8,192 tokens an input."""
    batch: list[str] = []
    tokens = 0
    for text in texts:
        own = text.encode()[: _MOST_INPUT * _BYTES_A_TOKEN].decode(errors="ignore") or " "
        size = -(-len(own.encode()) // _BYTES_A_TOKEN)
        if batch and (len(batch) == _MOST_INPUTS or tokens + size > _MOST_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(own)
        tokens += size
    if batch:
        yield batch


def _embeddings(access: Access, model: str) -> Any:  # noqa: ANN401
    arguments = access.arguments()

    def made() -> Any:  # noqa: ANN401
        from langchain_openai import OpenAIEmbeddings as Embeddings  # noqa: PLC0415 - two seconds, for this profile

        settings = {"check_embedding_ctx_length": False, "chunk_size": _MOST_INPUTS, "http_async_client": pool.http()}
        return Embeddings(model=model, **settings, **arguments)

    return pool.kept(("embeddings", model, *arguments.values()), made)


def _chat(access: Access, temperature: float, model: str) -> Any:  # noqa: ANN401
    arguments = access.arguments()

    def made() -> Any:  # noqa: ANN401
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - two seconds, for this profile

        settings = {"stream_usage": True, "use_responses_api": False, "http_async_client": pool.http()}
        return ChatOpenAI(model=model, temperature=temperature, **settings, **arguments)

    return pool.kept(("chat", model, temperature, *arguments.values()), made)


def _client(access: Access) -> Any:  # noqa: ANN401
    arguments = access.arguments()

    def made() -> Any:  # noqa: ANN401
        from openai import AsyncOpenAI  # noqa: PLC0415 - a second, for this profile

        return AsyncOpenAI(http_client=pool.http(), **arguments)

    return pool.kept(("client", *arguments.values()), made)
