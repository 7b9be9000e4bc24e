"""How a profile tells an index of its own to be cut, and what is wrong with that."""

from collections.abc import Iterator

import Stemmer

from .. import settings
from ..field import Values

SETTINGS = ("chunk_size", "overlap", "language")
"""The part ``index`` of such a profile."""
_LEAST_CHUNK, _MOST_CHUNK = 50, 100_000


def wrong(told: Values) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings of an index: which, and a sentence."""
    for name in told.keys() - set(SETTINGS):
        yield name, f"there is no setting {name}; {settings.meant(name, SETTINGS)}"
    for name in SETTINGS:
        sentence = _wrong(name, told)
        if sentence:
            yield name, sentence


def _wrong(name: str, told: Values) -> str:
    """What is wrong with one of them; empty when nothing is."""
    value = told.get(name)
    if name == "language":
        known = Stemmer.algorithms()
        return "" if value in known else f"there is no stemmer for {value}; {settings.meant(str(value), known)}"
    most = _MOST_CHUNK if name == "chunk_size" else told.get("chunk_size") or 0
    least = _LEAST_CHUNK if name == "chunk_size" else 0
    fits = type(value) is int and type(most) is int and least <= value < most
    return "" if fits else f"{name} is expected to be a whole number of characters from {least} to below {most}"
