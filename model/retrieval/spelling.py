"""Words that a corpus does not have, read as what it has that is one slip away.

A slip is a letter too many, too few, another one, or two in each other's place (Damerau, 1964); all that are one away
are tried, as in Norvig's corrector, so it needs no index of its own.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from collections.abc import Set as AbstractSet
from string import ascii_lowercase

_SHORTEST, _LONGEST, _SHORTEST_STEM = 5, 30, 4
"""Letters of a word that is repaired, and of the stem that it becomes: short words have too many neighbours, and the
neighbours of a long one, as many as its letters times those of the alphabet, take longer than a search."""


def repaired(
    word: str,
    stem: Callable[[Sequence[str]], Sequence[str]],
    known: Container[str],
    rarity: Callable[[str], float],
    letters: AbstractSet[str],
) -> str:
    """The most frequent of the ``known`` stems one slip away from ``word``; empty when there is none.

    ``letters`` are those of the corpus: no word with another one is known.
    """
    if not _SHORTEST <= len(word) <= _LONGEST or not word.isalpha():
        return ""
    near = {one for one in stem(sorted(set(_slips(word, letters)))) if len(one) >= _SHORTEST_STEM and one in known}
    return min(near, key=lambda one: (rarity(one), one), default="")


def _slips(word: str, corpus: AbstractSet[str]) -> Iterator[str]:
    parts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    letters = {*ascii_lowercase, *word} & corpus
    yield from (before + after[1:] for before, after in parts[:-1])
    yield from (before + after[1] + after[0] + after[2:] for before, after in parts[:-2])
    for letter in letters:
        yield from (before + letter + after[1:] for before, after in parts[:-1])
        yield from (before + letter + after for before, after in parts)
