"""The input limits of providers, applied before a call.

Token counts are estimated from above as bytes / 2: no text that was measured has more tokens than that. An exact
count would need the tokenizer of each family of models, whose tables are downloads.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile

from ..runtime import usage

MAX_INPUTS, MAX_TOKENS, MAX_INPUT_TOKENS = 2048, 300_000, 8192
"""The limits of an embeddings request: number of inputs, tokens of all inputs, tokens of one (OpenAI's API reference).
"""
_BYTES_PER_TOKEN = 2


def count_tokens(text: str) -> int:
    """Return an upper bound of the number of tokens in ``text``."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def cut_text(text: str, max_tokens: int = MAX_INPUT_TOKENS) -> str:
    """Return the longest beginning of ``text`` within ``max_tokens``; add a note where something was cut."""
    encoded = text.encode()
    if len(encoded) <= max_tokens * _BYTES_PER_TOKEN:
        return text
    usage.add_note("input_cut", f"a text was cut to {max_tokens:,} tokens before the embedding")
    return encoded[: max_tokens * _BYTES_PER_TOKEN].decode(errors="ignore")


def make_batches(
    texts: Sequence[str], max_inputs: int = MAX_INPUTS, *, max_tokens: int = MAX_INPUT_TOKENS
) -> Iterator[list[str]]:
    """Yield ``texts`` in batches within a request's limits; an empty text, which the API rejects, becomes a space.

    Args:
        texts: The texts.
        max_inputs: Largest number of texts in a batch.
        max_tokens: Largest number of tokens of a text; what exceeds it is cut, with a note.
    """
    batch: list[str] = []
    filled = 0
    for text in texts:
        shortened = cut_text(text, max_tokens) or " "
        size = count_tokens(shortened)
        if batch and (len(batch) == max_inputs or filled + size > MAX_TOKENS):
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
