"""The models of the stand-in, and retired models, for which calls are refused."""

from dataclasses import dataclass
from typing import Literal

from .errors import RefusedError

ModelKind = Literal["chat", "embeddings", "image"]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model.

    Attributes:
        name: Name of the model.
        kind: Kind of call that the model answers.
        end_date: Announced date of retirement.
        is_gone: Whether the model is retired, so that calls are refused.
        window: Context window in tokens.
        dimension: Dimension of an embedding model's vectors.
        temperature: Whether a chat model accepts a ``temperature`` other than 1.
        is_foreign: Whether the model is served elsewhere than at OpenAI.
    """

    name: str
    kind: ModelKind
    end_date: str | None = None
    is_gone: bool = False
    window: int = 1_050_000
    dimension: int = 0
    temperature: bool = False
    is_foreign: bool = False


MODELS = {
    entry.name: entry
    for entry in (
        ModelEntry("gpt-4", "chat", "2026-10-23", is_gone=True),
        ModelEntry("gpt-4-turbo", "chat", "2026-10-23", is_gone=True),
        ModelEntry("gpt-4.1", "chat", "2027-01-14", window=1_047_576, temperature=True),
        ModelEntry("gpt-4.1-mini", "chat", "2027-01-14", window=1_047_576, temperature=True),
        ModelEntry("gpt-6-luna", "chat"),
        ModelEntry("gpt-6.1-sol", "chat"),
        ModelEntry("text-embedding-3-small", "embeddings", dimension=1536),
        ModelEntry("text-embedding-3-large", "embeddings", dimension=3072),
        ModelEntry("text-embedding-ada-002", "embeddings", dimension=1536),
        ModelEntry("gpt-image-1", "image", "2026-10-23", is_gone=True),
        ModelEntry("gpt-image-1.5", "image", "2026-12-01"),
        ModelEntry("gpt-image-2", "image"),
        ModelEntry("gpt-image-2.6-flare", "image"),
        ModelEntry("databricks-gpt-5-5", "chat", window=400_000, is_foreign=True),
        ModelEntry("databricks-meta-llama-3-3-70b-instruct", "chat", window=131_072, temperature=True, is_foreign=True),
        ModelEntry("databricks-gte-large-en", "embeddings", dimension=1024, is_foreign=True),
        ModelEntry("llama3.3", "chat", window=8192, temperature=True, is_foreign=True),
        ModelEntry("nomic-embed-text", "embeddings", dimension=768, is_foreign=True),
        ModelEntry("openai-behind-databricks", "chat", window=128_000, temperature=True, is_foreign=True),
    )
}
FIXED_DIMENSION = {"text-embedding-ada-002", "databricks-gte-large-en"}
"""Embedding models that refuse the parameter ``dimensions``."""


def find_model(name: object, kind: ModelKind) -> ModelEntry:
    """Return the model called ``name``, for a call that needs ``kind``.

    Args:
        name: Name of the model in the request.
        kind: Kind of model that the call needs.

    Returns:
        The model.

    Raises:
        RefusedError: The model is unknown, retired or of another kind.
    """
    entry = MODELS.get(str(name))
    if entry is None:
        raise RefusedError(
            404, "model_not_found", f"The model `{name}` does not exist or you do not have access to it."
        )
    if entry.is_gone:
        raise RefusedError(404, "model_not_found", f"The model `{name}` has been deprecated.")
    if entry.kind != kind:
        raise RefusedError(404, "model_not_found", f"The model `{name}` is not a {kind} model.")
    return entry


def count_tokens(text: str) -> int:
    """Return the approximate number of tokens of an English text: one for each four characters."""
    return -(-len(text) // 4)
