"""Know which texts embedding models expect before a question and before a passage, by the names of the models.

Such a model was trained with these texts; without them, questions find less. The sources are the models' cards on the
Hugging Face hub, under the names in the table, as of November 2026.
"""

import re
from typing import NamedTuple


class EmbeddingPrompts(NamedTuple):
    """The texts that an embedding model expects before a question and before a passage; empty for none."""

    question: str = ""
    passage: str = ""


_SEARCH_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
_REPRESENT = EmbeddingPrompts("Represent this sentence for searching relevant passages: ")
_PROMPTS = (
    (r"e5-mistral|e5-large-instruct", EmbeddingPrompts(f"{_SEARCH_TASK} ")),
    (r"e5-(small|base|large)", EmbeddingPrompts("query: ", "passage: ")),
    (r"bge-(small|base|large)-en", _REPRESENT),
    (r"bge-(small|base|large)-zh", EmbeddingPrompts("为这个句子生成表示以用于检索相关文章：")),
    (r"nomic-embed-text", EmbeddingPrompts("search_query: ", "search_document: ")),
    (r"mxbai-embed-(large|xsmall)|arctic-embed(?!.*v2|2)", _REPRESENT),
    (r"arctic-embed.*(v2|2)", EmbeddingPrompts("query: ")),
    (r"qwen3-embedding", EmbeddingPrompts(_SEARCH_TASK)),
    (r"embeddinggemma", EmbeddingPrompts("task: search result | query: ", "title: none | text: ")),
)
"""Pattern of a model's name → its prompts; the first that matches counts."""


def find_prompts(model: str, question: str | None = None, passage: str | None = None) -> EmbeddingPrompts:
    """Return the texts that a model expects before a question and a passage.

    Args:
        model: The name of the model, in which case and underscores do not matter.
        question: What a profile sets for questions; None to go by the name.
        passage: What a profile sets for passages; None to go by the name.
    """
    name = model.lower().replace("_", "-")
    prompts = next((entry for pattern, entry in _PROMPTS if re.search(pattern, name)), EmbeddingPrompts())
    return EmbeddingPrompts(
        prompts.question if question is None else question, prompts.passage if passage is None else passage
    )
