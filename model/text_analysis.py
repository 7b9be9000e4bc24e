"""Split text into words, stems, character n-grams and sentences, and correct spelling.

A word that the corpus does not contain is read as a word of the corpus that is one edit away: a letter too many, one
too few, another letter, or two letters swapped (Damerau, 1964). All such words are tried, as in Norvig's spelling
corrector, so no further index is needed.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

import Stemmer

NGRAM_LENGTH = 4
"""Characters of an n-gram. Lengths 3 to 5 together found no more in our measurements, and take three times the space.
"""

_WORD = re.compile(r"\w+")
_ABBREVIATIONS = (
    "St.",
    "Dr.",
    "Mr.",
    "Mrs.",
    "Ms.",
    "No.",
    "vs.",
    "e.g.",
    "i.e.",
    "cf.",
    "ca.",
    "approx.",
    "Prof.",
    "Jr.",
)
"""Abbreviations that end in a full stop within a sentence; a single letter does, too (an initial, or one of U.S.)."""
_BREAK = re.compile(
    r"(?:(?<=[.!?])|(?<=[.!?][\"')\]]))"  # the end of a sentence
    + "".join(rf"(?<!\b{re.escape(short)})" for short in _ABBREVIATIONS)
    + r"(?<!\b\w\.)\s+(?=[\"'(\[]*[^\W_a-z])"  # and the next one does not begin with a small letter
    r"|\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)]|#{1,6}|>|\|)\s)"  # of a paragraph, of a line of a list or table
)
_SPACE = re.compile(r"\s+")
_MARKER = re.compile(r"(?:[-*+>]|\d+[.)])\s+")
_TWO_WORDS = re.compile(r"\w\W+\w")

_STOP_WORDS = frozenset((Path(__file__).parent / "stopwords.txt").read_text("utf-8").split())
"""English words that say nothing about a text's subject. In other languages every word counts."""


class Analyser:
    """Convert text into lower-case stems without stop words. Not safe for use by two threads at once."""

    def __init__(self, language: str = "english") -> None:
        self._stem = Stemmer.Stemmer(language).stemWords
        self._stop_words = _STOP_WORDS if language == "english" else frozenset()

    def stems(self, text: str) -> list[str]:
        """Return the stems of the content words of ``text``, in order."""
        return self.stem_words(self.content_words(text))

    def content_words(self, text: str) -> list[str]:
        """Return the words of ``text`` without stop words, in order; all words when each is a stop word."""
        all_words = split_words(text)
        return [word for word in all_words if word not in self._stop_words] or all_words

    def stem_words(self, words_to_stem: Sequence[str]) -> list[str]:
        """Return the stem of each word."""
        return list(self._stem(words_to_stem))


def split_words(text: str) -> list[str]:
    """Return all words of ``text`` in lower case."""
    return _WORD.findall(text.lower())


def is_content_word(word: str) -> bool:
    """Return whether an English word says something about a text's subject; a word of another language always does."""
    return word not in _STOP_WORDS


def collapse_space(text: str) -> str:
    """Return ``text`` with each run of white space as one space, or as one line break where the run holds one."""
    return _SPACE.sub(lambda space: "\n" if "\n" in space[0] else " ", text)


def split_ngrams(word: str) -> list[str]:
    """Return the n-grams of four characters of ``word``, with a space at each end; a shorter word is returned whole."""
    edged = f" {word} "
    return [edged[start : start + NGRAM_LENGTH] for start in range(max(1, len(edged) - NGRAM_LENGTH + 1))]


def split_into_ngrams(text: str) -> list[str]:
    """Return the n-grams of the words of ``text``, in order."""
    return [ngram for word in split_words(text) for ngram in split_ngrams(word)]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and the position of its first character in the text that it was cut from."""

    text: str
    start: int


def split_sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of plain or Markdown text without list markers.

    Headings, tables, code and single words are left out.
    """
    start = 0
    for end, following in [*(match.span() for match in _BREAK.finditer(text)), (len(text), len(text))]:
        piece = text[start:end].lstrip()  # edges are stripped, since a pattern for them tries each inner space as one
        marker = _MARKER.match(piece)
        body = piece[marker.end() if marker else 0 :]
        position, body = end - len(body), body.rstrip()
        if _TWO_WORDS.search(body) and not body.startswith(("#", "```", "|")):
            yield Sentence(body, position)
        start = following


_MIN_WORD, _MAX_WORD, _MIN_STEM = 5, 30, 4
"""Shortest and longest word that is corrected, and shortest stem that it becomes. Short words have too many neighbours.
The neighbours of a long word, its letters times those of the alphabet, take longer than the search itself.
"""


def correct_spelling(
    word: str,
    stem: Callable[[Sequence[str]], Sequence[str]],
    known_stems: Container[str],
    rarity: Callable[[str], float],
    letters: AbstractSet[str],
) -> str:
    """Return the most frequent known stem that is one edit away from ``word``.

    Args:
        word: A word that the corpus does not contain.
        stem: Returns the stem of each word of a list.
        known_stems: The stems of the corpus.
        rarity: Returns the inverse document frequency of a known stem.
        letters: The letters of the corpus; a word with another letter is unknown.

    Returns:
        The stem; empty when no known stem is near, or ``word`` is too short, too long or no word of letters.
    """
    if not _MIN_WORD <= len(word) <= _MAX_WORD or not word.isalpha():
        return ""
    near = {
        stem_of_slip
        for stem_of_slip in stem(sorted(set(_one_slip_away(word, letters))))
        if len(stem_of_slip) >= _MIN_STEM and stem_of_slip in known_stems
    }
    return min(near, key=lambda stem_of_slip: (rarity(stem_of_slip), stem_of_slip), default="")


def _one_slip_away(word: str, corpus_letters: AbstractSet[str]) -> Iterator[str]:
    """Yield every word that is one edit away from ``word``, with letters of the corpus."""
    parts = [(word[:position], word[position:]) for position in range(len(word) + 1)]
    letters = {*ascii_lowercase, *word} & corpus_letters
    yield from (head + tail[1:] for head, tail in parts[:-1])
    yield from (head + tail[1] + tail[0] + tail[2:] for head, tail in parts[:-2])
    for letter in letters:
        yield from (head + letter + tail[1:] for head, tail in parts[:-1])
        yield from (head + letter + tail for head, tail in parts)
