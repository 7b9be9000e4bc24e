"""Words that a corpus does not have, read as what it has that is one slip away.

A slip is a letter too many, too few, another one, or two in each other's place (Damerau, 1964); all that are one away
are tried, as in Norvig's corrector, so it needs no index of its own.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from string import ascii_lowercase

_SHORTEST, _SHORTEST_STEM = 5, 4
"""Letters of a word that is repaired, and of the stem that it becomes: short words have too many neighbours."""


def repaired(
    word: str,
    stem: Callable[[Sequence[str]], Sequence[str]],
    known: Container[str],
    rarity: Callable[[str], float],
) -> str:
    """The most frequent of the ``known`` stems one slip away from ``word``; empty when there is none."""
    if len(word) < _SHORTEST or not word.isalpha():
        return ""
    near = {one for one in stem(sorted(set(_slips(word)))) if len(one) >= _SHORTEST_STEM and one in known}
    return min(near, key=lambda one: (rarity(one), one), default="")


def _slips(word: str) -> Iterator[str]:
    parts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    letters = {*ascii_lowercase, *word}
    yield from (before + after[1:] for before, after in parts[:-1])
    yield from (before + after[1] + after[0] + after[2:] for before, after in parts[:-2])
    for letter in letters:
        yield from (before + letter + after[1:] for before, after in parts[:-1])
        yield from (before + letter + after for before, after in parts)
