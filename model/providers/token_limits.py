"""What a provider takes at once, kept before it is asked.

Tokens are bounded by bytes, two to a token, which is fewer than any text that was seen has: a tokenizer would have
to download its tables, and there is one for each family of models.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile

from ..runtime import usage

MAX_INPUTS, MAX_TOKENS, MAX_INPUT_TOKENS = 2048, 300_000, 8192
"""Of an embeddings request: inputs, tokens of all, and tokens of one (OpenAI's API reference)."""
_BYTES_PER_TOKEN = 2


def count_tokens(text: str) -> int:
    """At least as many tokens as ``text`` has."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def cut_text(text: str, max_tokens: int = MAX_INPUT_TOKENS) -> str:
    """``text``, or so much of its beginning as has at most ``most`` tokens; then a note tells it."""
    encoded = text.encode()
    if len(encoded) <= max_tokens * _BYTES_PER_TOKEN:
        return text
    usage.add_note("input_cut", f"a text was cut at {max_tokens:,} tokens before it was embedded")
    return encoded[: max_tokens * _BYTES_PER_TOKEN].decode(errors="ignore")


def make_batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """``texts`` in requests that the API takes; an empty text, which it refuses, becomes a space."""
    batch: list[str] = []
    filled = 0
    for text in texts:
        shortened = cut_text(text) or " "
        size = count_tokens(shortened)
        if batch and (len(batch) == MAX_INPUTS or filled + size > MAX_TOKENS):
            yield batch
            batch, filled = [], 0
        batch.append(shortened)
        filled += size
    if batch:
        yield batch


def take_fitting(texts: Sequence[str], room: int) -> list[str]:
    """Return the first of ``texts`` that have at most ``room`` tokens together."""
    totals = accumulate(map(count_tokens, texts))
    return [text for text, _ in takewhile(lambda pair: pair[1] <= room, zip(texts, totals, strict=True))]
