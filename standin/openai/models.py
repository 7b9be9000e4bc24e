"""The models that the stand-in knows, and those that it says are gone."""

from dataclasses import dataclass
from typing import Literal

from .errors import RefusedError

ModelKind = Literal["chat", "embeddings", "image"]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model; ``ends`` is its announced end, ``own`` whether it is none of OpenAI's."""

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


def find_model(name: object, kind: ModelKind) -> ModelEntry:
    """The model of that name. Raises RefusedError when there is none, or none of that kind, or no longer."""
    entry = MODELS.get(str(name))
    if entry is None:
        raise RefusedError(404, "model_not_found", f"The model `{name}` does not exist, or not for you.")
    if entry.is_gone:
        raise RefusedError(404, "model_not_found", f"The model `{name}` has been deprecated.")
    if entry.kind != kind:
        raise RefusedError(404, "model_not_found", f"This is not a {kind} model: `{name}`.")
    return entry


def count_tokens(text: str) -> int:
    """About as many as a tokenizer finds in English."""
    return -(-len(text) // 4)
