"""The models that the stand-in knows, and those that it says are gone."""

from dataclasses import dataclass
from typing import Literal

from .errors import RefusedError

Kind = Literal["chat", "embeddings", "image"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One model; ``ends`` is its announced end, ``own`` whether it is none of OpenAI's."""

    name: str
    kind: Kind
    ends: str | None = None
    gone: bool = False
    window: int = 1_050_000
    dimension: int = 0
    temperature: bool = False
    own: bool = False


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("gpt-4", "chat", "2026-10-23", gone=True),
        Entry("gpt-4-turbo", "chat", "2026-10-23", gone=True),
        Entry("gpt-4.1", "chat", "2027-01-14", window=1_047_576, temperature=True),
        Entry("gpt-4.1-mini", "chat", "2027-01-14", window=1_047_576, temperature=True),
        Entry("gpt-6-luna", "chat"),
        Entry("gpt-6.1-sol", "chat"),
        Entry("text-embedding-3-small", "embeddings", dimension=1536),
        Entry("text-embedding-3-large", "embeddings", dimension=3072),
        Entry("text-embedding-ada-002", "embeddings", dimension=1536),
        Entry("gpt-image-1", "image", "2026-10-23", gone=True),
        Entry("gpt-image-1.5", "image", "2026-12-01"),
        Entry("gpt-image-2", "image"),
        Entry("gpt-image-2.6-flare", "image"),
        Entry("databricks-gpt-5-5", "chat", window=400_000, own=True),
        Entry("databricks-meta-llama-3-3-70b-instruct", "chat", window=131_072, temperature=True, own=True),
        Entry("databricks-gte-large-en", "embeddings", dimension=1024, own=True),
        Entry("llama3.3", "chat", window=8192, temperature=True, own=True),
        Entry("nomic-embed-text", "embeddings", dimension=768, own=True),
        Entry("openai-behind-databricks", "chat", window=128_000, temperature=True, own=True),
    )
}
FIXED_DIMENSION = {"text-embedding-ada-002", "databricks-gte-large-en"}


def find(name: object, kind: Kind) -> Entry:
    """The model of that name. Raises RefusedError when there is none, or none of that kind, or no longer."""
    entry = ENTRIES.get(str(name))
    if entry is None:
        raise RefusedError(404, "model_not_found", f"The model `{name}` does not exist, or not for you.")
    if entry.gone:
        raise RefusedError(404, "model_not_found", f"The model `{name}` has been deprecated.")
    if entry.kind != kind:
        raise RefusedError(404, "model_not_found", f"This is not a {kind} model: `{name}`.")
    return entry


def tokens(text: str) -> int:
    """About as many as a tokenizer finds in English."""
    return -(-len(text) // 4)
