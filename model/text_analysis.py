"""Text as the stems that lexical search counts, and as sentences; and slips in words.

A word that a corpus does not have is read as what it has that is one slip away: a letter too many, too few, another
one, or two in each other's place (Damerau, 1964). All that are one away are tried, as in Norvig's corrector, so it
needs no index of its own.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

import Stemmer

NGRAM_LENGTH = 4
"""Letters of a run. Runs of 3 to 5 find no more that was measured, and take three times the room."""

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
"""What ends in a full stop within a sentence; so does a single letter, an initial or one of U.S."""
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
"""English words that tell nothing of what a text is about; of other languages every word counts."""


class Analyser:
    """Cuts text into lower-case stems without stop words. Not safe for use by two threads at once."""

    def __init__(self, language: str = "english") -> None:
        self._stem = Stemmer.Stemmer(language).stemWords
        self._stop_words = _STOP_WORDS if language == "english" else frozenset()

    def stems(self, text: str) -> list[str]:
        """The stems of the telling words of ``text``, in order."""
        return self.stem_words(self.content_words(text))

    def content_words(self, text: str) -> list[str]:
        """The words of ``text``, in order, without stop words; all when every one is a stop word ("Who are you?")."""
        all_words = split_words(text)
        return [word for word in all_words if word not in self._stop_words] or all_words

    def stem_words(self, words_to_stem: Sequence[str]) -> list[str]:
        """The stem of each word."""
        return list(self._stem(words_to_stem))


def split_words(text: str) -> list[str]:
    """All words of ``text``, in lower case."""
    return _WORD.findall(text.lower())


def is_content_word(word: str) -> bool:
    """Whether an English word tells anything of what a text is about; of other languages every word does."""
    return word not in _STOP_WORDS


def collapse_space(text: str) -> str:
    """Return ``text`` with each run of white space as one space, or as one line break where the run holds one."""
    return _SPACE.sub(lambda space: "\n" if "\n" in space[0] else " ", text)


def split_ngrams(word: str) -> list[str]:
    """The runs of four letters in a word, whose edges count as letters; a shorter one whole."""
    edged = f" {word} "
    return [edged[start : start + NGRAM_LENGTH] for start in range(max(1, len(edged) - NGRAM_LENGTH + 1))]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and where it starts in the text that it was cut from."""

    text: str
    start: int


def split_sentences(text: str) -> Iterator[Sentence]:
    """The sentences of plain or Markdown text, without list marks; headings, tables and single words are left out."""
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
"""Letters of a word that is repaired, and of the stem that it becomes: short words have too many neighbours, and the
neighbours of a long one, as many as its letters times those of the alphabet, take longer than a search."""


def correct_spelling(
    word: str,
    stem: Callable[[Sequence[str]], Sequence[str]],
    known_stems: Container[str],
    rarity: Callable[[str], float],
    letters: AbstractSet[str],
) -> str:
    """The most frequent of the ``known`` stems one slip away from ``word``; empty when there is none.

    ``letters`` are those of the corpus: no word with another one is known.
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
    parts = [(word[:position], word[position:]) for position in range(len(word) + 1)]
    letters = {*ascii_lowercase, *word} & corpus_letters
    yield from (head + tail[1:] for head, tail in parts[:-1])
    yield from (head + tail[1] + tail[0] + tail[2:] for head, tail in parts[:-2])
    for letter in letters:
        yield from (head + letter + tail[1:] for head, tail in parts[:-1])
        yield from (head + letter + tail for head, tail in parts)
