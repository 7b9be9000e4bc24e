"""The input limits of providers, applied before a call.

Token counts are estimated by script, rather above than below: an exact count would need the tokenizer of each family
of models, whose tables are downloads. Against SmolLM2's tokenizer, which has few tokens for other languages than
English, the estimate is 1.3 to 1.4 times the count in English, 0.9 to 1.2 times in other languages of Latin letters,
and 1.0 to 1.6 times in other scripts (docs/decisions.md).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile
from math import ceil

from ..runtime import usage

MAX_INPUTS, MAX_TOKENS, MAX_INPUT_TOKENS = 2048, 300_000, 8192
"""The limits of an embeddings request: number of inputs, tokens of all inputs, tokens of one (OpenAI's API reference).
"""
_ASCII_TOKEN = re.compile(r"[A-Za-z]{1,4}|[!-@\[-`{-~]|[\x00-\x1f\x7f]+| {2,}")
"""Four letters, a digit, a mark, or a run of white space; one space belongs to the word that follows it."""
_WEIGHTS = (
    (re.compile("[\u0080-\u024f]"), 2.0),  # letters with accents, which split a word into pieces
    (re.compile("[\u0250-\u07ff]"), 1.2),  # Greek, Cyrillic, Hebrew, Arabic
    (re.compile("[\u0800-\uabff\ud7a4-\uffff]"), 2.0),  # Indic scripts, Thai, Chinese, Japanese
    (re.compile("[\uac00-\ud7a3]"), 3.0),  # Korean syllables, spelled by their bytes
    (re.compile("[\U00010000-\U0010ffff]"), 4.0),  # emoji, spelled by their bytes
)
"""Tokens of a character, for each range of characters beyond ASCII."""


def count_tokens(text: str) -> int:
    """Return an estimate of the number of tokens in ``text``, which is seldom below the number that a model counts."""
    count = len(_ASCII_TOKEN.findall(text))
    if text.isascii():
        return count
    return count + ceil(sum(weight * len(script.findall(text)) for script, weight in _WEIGHTS))


def cut_text(text: str, max_tokens: int = MAX_INPUT_TOKENS) -> str:
    """Return the longest beginning of ``text`` within ``max_tokens``; add a note where something was cut."""
    if count_tokens(text) <= max_tokens:
        return text
    usage.add_note("input_cut", f"a text was cut to {max_tokens:,} tokens before the embedding")
    return text[: bisect_right(range(len(text)), max_tokens, key=lambda end: count_tokens(text[:end])) - 1]


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
        shortened, size = text or " ", count_tokens(text)
        if size > max_tokens:
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
