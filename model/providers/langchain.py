"""Any LangChain chat model, embeddings or cross-encoder, named by the import path of its class."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import import_paths
from ..config.settings import Count, Factory, Instructions, convert_settings
from ..errors import ProfileError
from ..interfaces import Float32Array, normalize_rows
from ..runtime.usage import Usage, record_usage
from ..transport.rate_limiter import Operation, RateLimits
from ..transport.retry import first_available
from .base import Provider, ProviderSettings
from .chat_calls import ChatSource
from .chat_models import ChatProvider
from .rerankers import ChatReranker, CrossEncoderReranker

if TYPE_CHECKING:  # its import takes half a second
    from langchain_core.embeddings import Embeddings


class LangChainEmbeddings:
    """A LangChain embeddings object as an ``Embeddings`` of a profile.

    Args:
        provider: The name of the provider, for messages and rate limits.
        model: The name of the model, which the index records.
        embeddings: The LangChain object.
        usage: What a call is recorded as; LangChain does not report it.
    """

    semantic = True
    batch_size, batch_window = 16, 0.0

    def __init__(self, provider: str, model: str, embeddings: "Embeddings", usage: Usage) -> None:
        self.provider, self.model = provider, model
        self._embeddings, self._usage, self._operation = embeddings, usage, Operation("embeddings", provider)

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:
        """Return one row of norm 1 for each text: shape (texts, dimension), float32.

        Args:
            texts: The texts.
            question: Whether the texts are questions, for which LangChain has a method of its own.

        Raises:
            ProviderError: The class failed, after the retries.
        """

        async def call(_: str) -> list[list[float]]:
            if question:
                vectors = [self._embeddings.aembed_query(text) for text in texts]
                return list(await asyncio.gather(*vectors))
            return await self._embeddings.aembed_documents(list(texts))

        _, rows = await first_available(
            {f"{self.provider}:{self.model}": ""}, call, lambda _: self._operation.acquire()
        )
        record_usage(self._usage)
        return normalize_rows(np.array(rows, dtype=np.float32))


class LangChainProvider(Provider):
    """Classes of LangChain and of its integrations."""

    name = "langchain"

    @property
    def factories(self) -> Mapping[str, Factory]:
        """The factory of each role."""
        return {"chat": self.chat, "embeddings": self.embeddings, "reranker": self.reranker}

    def find_distributions(self, settings: ProviderSettings) -> set[str]:
        """Return the distributions that contain the class.

        Args:
            settings: The settings of the entry.
        """
        return {"langchain-core", "tenacity", *import_paths.find_distributions(settings["model"])}

    def check_settings(self, role: str, settings: ProviderSettings) -> None:
        """Create the object of ``role`` once, so that wrong settings are found when a profile is read.

        Args:
            role: The role of the entry.
            settings: The settings of the entry.

        Raises:
            ProfileError: The class does not exist, or rejects its settings.
        """
        self.factories[role](**convert_settings(self.factories[role], settings))

    def chat(
        self,
        model: str,
        settings: dict[str, Any] | None = None,
        window: Count = 0,
        pace: RateLimits | None = None,
        instructions: Instructions = "",
        sub_questions: Count = 0,
    ) -> ChatProvider:
        """Return the chat model at ``package.module:Class``, created with ``settings``.

        Args:
            model: The import path of a subclass of LangChain's ``BaseChatModel``.
            settings: The keyword arguments of the class.
            window: The context window in tokens; 0 for the published one.
            pace: Limits of the rate of calls.
            instructions: House rules for answers: tone, language, format. Versioned with the model.
            sub_questions: Most questions into which the model splits a question, each of which is searched; 0 for none.

        Raises:
            ProfileError: There is no such class, or it rejects the settings.
        """
        from langchain_core.language_models import BaseChatModel  # half a second

        chat_model = _make_instance(model, settings, BaseChatModel)

        async def make_model(_refused: frozenset[str]) -> Any:
            return chat_model

        name = type(chat_model).__name__
        operation = Operation("chat", f"langchain:{name}", pace or RateLimits())
        source = ChatSource("langchain", name, make_model, window)
        return ChatProvider({f"langchain:{name}": source}, operation, None, instructions, sub_questions)

    def reranker(
        self, model: str, settings: dict[str, Any] | None = None, window: Count = 0
    ) -> ChatReranker | CrossEncoderReranker:
        """Return the cross-encoder or chat model at ``package.module:Class``, created with ``settings``.

        Args:
            model: The import path of a subclass of LangChain's ``BaseCrossEncoder`` or ``BaseChatModel``.
            settings: The keyword arguments of the class.
            window: The context window of a chat model in tokens; 0 for the published one.

        Raises:
            ProfileError: There is no such class, or it rejects the settings.
        """
        from langchain_core.cross_encoders import BaseCrossEncoder

        loaded = import_paths.load_object(model)
        if isinstance(loaded, type) and issubclass(loaded, BaseCrossEncoder):
            encoder = _make_instance(model, settings, BaseCrossEncoder)
            return CrossEncoderReranker(f"langchain:{type(encoder).__name__}", encoder)
        return ChatReranker(self.chat(model, settings, window))

    def embeddings(self, model: str, settings: dict[str, Any] | None = None) -> LangChainEmbeddings:
        """Return the embeddings at ``package.module:Class``, created with ``settings``.

        Args:
            model: The import path of a subclass of LangChain's ``Embeddings``.
            settings: The keyword arguments of the class.

        Raises:
            ProfileError: There is no such class, or it rejects the settings.
        """
        from langchain_core.embeddings import Embeddings  # half a second

        embeddings = _make_instance(model, settings, Embeddings)
        model_name = (settings or {}).get("model") or (settings or {}).get("model_name")
        name = ":".join(filter(None, [type(embeddings).__name__, model_name]))
        return LangChainEmbeddings("langchain", name, embeddings, Usage(cost_known=False))


def _make_instance(path: str, settings: dict[str, Any] | None, kind: type) -> Any:
    """Return the object, with its own retries switched off where the class allows it: transport/retry.py retries."""
    instance = import_paths.load_object(path)
    if not (isinstance(instance, type) and issubclass(instance, kind)):
        raise ProfileError(
            f"{path} is not a LangChain {'chat model' if 'Chat' in kind.__name__ else 'embeddings'} class"
        )
    arguments = dict(settings or {})
    if "max_retries" in getattr(instance, "model_fields", {}):
        arguments.setdefault("max_retries", 0)
    try:
        return instance(**arguments)
    except (TypeError, ValueError) as error:
        raise ProfileError(f"{path} rejects its settings ({type(error).__name__})") from None
    except ImportError as error:
        raise ProfileError(f"{path} needs {error.name or 'a package'}, which is not installed") from None
