"""Any LangChain chat model, embeddings or cross-encoder, named by the import path of its class."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import import_paths
from ..errors import ProfileError
from ..interfaces import Float32Array, ProviderFacts, normalize_rows
from ..runtime.usage import Usage, record_usage
from ..transport.rate_limiter import Operation, RateLimits
from ..transport.retry import first_available
from .chat_models import ChatProvider, ChatSource
from .rerankers import ChatReranker, CrossEncoderReranker

if TYPE_CHECKING:  # its import takes half a second
    from langchain_core.embeddings import Embeddings


OFFER = ProviderFacts("as the class does", "of chat, where the class tells them", "those of the class")


class LangChainEmbeddings:
    """A LangChain embeddings object; what it costs is not known."""

    semantic = True
    batch_size, batch_window = 16, 0.0

    def __init__(self, provider: str, model: str, embeddings: "Embeddings", usage: Usage) -> None:
        self.provider, self.model = provider, model
        self._embeddings, self._usage, self._operation = embeddings, usage, Operation("embeddings", provider)

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:
        """One row for each text, of norm 1; a question goes the way that the class has for questions."""

        async def call(_: str) -> list[list[float]]:
            if question:
                asking = [self._embeddings.aembed_query(text) for text in texts]
                return list(await asyncio.gather(*asking))
            return await self._embeddings.aembed_documents(list(texts))

        _, rows = await first_available(
            {f"{self.provider}:{self.model}": ""}, call, lambda _: self._operation.acquire()
        )
        record_usage(self._usage)
        return normalize_rows(np.array(rows, dtype=np.float32))


def requires(settings: dict[str, Any]) -> set[str]:
    """The distributions that bring the class."""
    return {"langchain-core", "tenacity", *import_paths.find_distributions(settings["model"])}


def check(role: str, settings: dict[str, Any]) -> None:
    """Raises ProfileError when the class is not there, or does not take its settings."""
    make: Callable[..., object] = chat if role == "chat" else reranker if role == "reranker" else embeddings
    make(**settings)


def chat(
    model: str, settings: dict[str, Any] | None = None, window: int = 0, pace: dict[str, int] | None = None
) -> ChatProvider:
    """The chat model at ``package.module:Class``, made with ``settings``. Raises ProfileError."""
    from langchain_core.language_models import BaseChatModel  # half a second

    chat_model = _make_instance(model, settings, BaseChatModel)

    async def make_model() -> Any:
        return chat_model

    name = type(chat_model).__name__
    endpoint = Operation("chat", f"langchain:{name}", RateLimits.from_settings(pace))
    return ChatProvider({f"langchain:{name}": ChatSource("langchain", name, make_model, window)}, endpoint)


def reranker(
    model: str, settings: dict[str, Any] | None = None, window: int = 0
) -> ChatReranker | CrossEncoderReranker:
    """The cross-encoder or chat model at ``package.module:Class``, made with ``settings``. Raises ProfileError."""
    from langchain_core.cross_encoders import BaseCrossEncoder

    name = import_paths.load_object(model)
    if isinstance(name, type) and issubclass(name, BaseCrossEncoder):
        reranker_object = _make_instance(model, settings, BaseCrossEncoder)
        return CrossEncoderReranker(f"langchain:{type(reranker_object).__name__}", reranker_object)
    return ChatReranker(chat(model, settings, window))


def embeddings(model: str, settings: dict[str, Any] | None = None) -> LangChainEmbeddings:
    """The embeddings at ``package.module:Class``, made with ``settings``. Raises ProfileError."""
    from langchain_core.embeddings import Embeddings  # half a second

    embeddings_object = _make_instance(model, settings, Embeddings)
    class_name = (settings or {}).get("model") or (settings or {}).get("model_name")
    name = ":".join(filter(None, [type(embeddings_object).__name__, class_name]))
    return LangChainEmbeddings("langchain", name, embeddings_object, Usage(cost_known=False))


def _make_instance(path: str, settings: dict[str, Any] | None, kind: type) -> Any:
    """The object; told not to retry where it can be told, since one layer does (retry.py)."""
    instance = import_paths.load_object(path)
    if not (isinstance(instance, type) and issubclass(instance, kind)):
        raise ProfileError(f"{path} is no LangChain {'chat model' if 'Chat' in kind.__name__ else 'embeddings'} class")
    arguments = dict(settings or {})
    if "max_retries" in getattr(instance, "model_fields", {}):
        arguments.setdefault("max_retries", 0)
    try:
        return instance(**arguments)
    except (TypeError, ValueError) as error:
        raise ProfileError(f"{path} does not take these settings ({type(error).__name__})") from None
    except ImportError as error:
        raise ProfileError(f"{path} needs {error.name or 'a package'}, which is not installed") from None
