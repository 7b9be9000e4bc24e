"""Any LangChain chat model, embeddings or cross-encoder, named by the import path of its class."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import import_paths
from ..errors import ProfileError
from ..interfaces import Offer, Vectors, normed
from ..runtime import usage as account
from ..runtime.usage import Usage
from ..transport.rate_limiter import Endpoint, Rates
from ..transport.retry import first
from .chat_models import ChatSource, Generative
from .rerankers import ChatReranker, CrossEncoderReranker

if TYPE_CHECKING:  # its import takes half a second
    from langchain_core.embeddings import Embeddings


OFFER = Offer("as the class does", "of chat, where the class tells them", "those of the class")


class LangChainEmbeddings:
    """A LangChain embeddings object; what it costs is not known."""

    semantic = True
    together, pause = 16, 0.0

    def __init__(self, provider: str, model: str, made: "Embeddings", usage: Usage) -> None:
        self.provider, self.model = provider, model
        self._made, self._usage, self._endpoint = made, usage, Endpoint("embeddings", provider)

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Vectors:
        """One row for each text, of norm 1; a question goes the way that the class has for questions."""

        async def ask(_: str) -> list[list[float]]:
            if question:
                asking = [self._made.aembed_query(text) for text in texts]
                return list(await asyncio.gather(*asking))
            return await self._made.aembed_documents(list(texts))

        _, rows = await first({f"{self.provider}:{self.model}": ""}, ask, lambda _: self._endpoint.turn())
        account.spend(self._usage)
        return normed(np.array(rows, dtype=np.float32))


def requires(settings: dict[str, Any]) -> set[str]:
    """The distributions that bring the class."""
    return {"langchain-core", "tenacity", *import_paths.distributions(settings["model"])}


def check(role: str, settings: dict[str, Any]) -> None:
    """Raises ProfileError when the class is not there, or does not take its settings."""
    make: Callable[..., object] = chat if role == "chat" else reranker if role == "reranker" else embeddings
    make(**settings)


def chat(
    model: str, settings: dict[str, Any] | None = None, window: int = 0, pace: dict[str, int] | None = None
) -> Generative:
    """The chat model at ``package.module:Class``, made with ``settings``. Raises ProfileError."""
    from langchain_core.language_models import BaseChatModel  # half a second

    chat_model = _made(model, settings, BaseChatModel)

    async def given() -> Any:
        return chat_model

    name = type(chat_model).__name__
    endpoint = Endpoint("chat", f"langchain:{name}", Rates.told(pace))
    return Generative({f"langchain:{name}": ChatSource("langchain", name, given, window)}, endpoint)


def reranker(
    model: str, settings: dict[str, Any] | None = None, window: int = 0
) -> ChatReranker | CrossEncoderReranker:
    """The cross-encoder or chat model at ``package.module:Class``, made with ``settings``. Raises ProfileError."""
    from langchain_core.cross_encoders import BaseCrossEncoder

    named = import_paths.named(model)
    if isinstance(named, type) and issubclass(named, BaseCrossEncoder):
        made = _made(model, settings, BaseCrossEncoder)
        return CrossEncoderReranker(f"langchain:{type(made).__name__}", made)
    return ChatReranker(chat(model, settings, window))


def embeddings(model: str, settings: dict[str, Any] | None = None) -> LangChainEmbeddings:
    """The embeddings at ``package.module:Class``, made with ``settings``. Raises ProfileError."""
    from langchain_core.embeddings import Embeddings  # half a second

    made = _made(model, settings, Embeddings)
    told = (settings or {}).get("model") or (settings or {}).get("model_name")
    name = ":".join(filter(None, [type(made).__name__, told]))
    return LangChainEmbeddings("langchain", name, made, Usage(cost_known=False))


def _made(path: str, settings: dict[str, Any] | None, kind: type) -> Any:
    """The object; told not to retry where it can be told, since one layer does (retry.py)."""
    made = import_paths.named(path)
    if not (isinstance(made, type) and issubclass(made, kind)):
        raise ProfileError(f"{path} is no LangChain {'chat model' if 'Chat' in kind.__name__ else 'embeddings'} class")
    given = dict(settings or {})
    if "max_retries" in getattr(made, "model_fields", {}):
        given.setdefault("max_retries", 0)
    try:
        return made(**given)
    except (TypeError, ValueError) as error:
        raise ProfileError(f"{path} does not take these settings ({type(error).__name__})") from None
    except ImportError as error:
        raise ProfileError(f"{path} needs {error.name or 'a package'}, which is not installed") from None
