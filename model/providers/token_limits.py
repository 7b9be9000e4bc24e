"""What a provider takes at once, kept before it is asked.

Tokens are bounded by bytes, two to a token, which is fewer than any text that was seen has: a tokenizer would have
to download its tables, and there is one for each family of models.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile

from ..runtime import usage

MOST_INPUTS, MOST_TOKENS, MOST_INPUT = 2048, 300_000, 8192
"""Of an embeddings request: inputs, tokens of all, and tokens of one (OpenAI's API reference)."""
_BYTES_A_TOKEN = 2


def tokens(text: str) -> int:
    """At least as many tokens as ``text`` has."""
    return -(-len(text.encode()) // _BYTES_A_TOKEN)


def cut(text: str, most: int = MOST_INPUT) -> str:
    """``text``, or so much of its beginning as has at most ``most`` tokens; then a note tells it."""
    whole = text.encode()
    if len(whole) <= most * _BYTES_A_TOKEN:
        return text
    usage.note("input_cut", f"a text was cut at {most:,} tokens before it was embedded")
    return whole[: most * _BYTES_A_TOKEN].decode(errors="ignore")


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """``texts`` in requests that the API takes; an empty text, which it refuses, becomes a space."""
    batch: list[str] = []
    filled = 0
    for text in texts:
        own = cut(text) or " "
        size = tokens(own)
        if batch and (len(batch) == MOST_INPUTS or filled + size > MOST_TOKENS):
            yield batch
            batch, filled = [], 0
        batch.append(own)
        filled += size
    if batch:
        yield batch


def fitting(texts: Sequence[str], room: int) -> list[str]:
    """Return the first of ``texts`` that have at most ``room`` tokens together."""
    totals = accumulate(map(tokens, texts))
    return [text for text, _ in takewhile(lambda pair: pair[1] <= room, zip(texts, totals, strict=True))]
