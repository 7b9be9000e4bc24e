"""Text as the stems that lexical search counts, and as sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import Stemmer

_WORD = re.compile(r"\w+")
_BREAK = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*\w)|\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)]|#{1,6}|>|\|)\s)")
_SENTENCE = re.compile(r"\w+\W+\w+")

_STOPS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can cannot could did do does doing down during each few for from further give had has have
    having he her here hers herself him himself his how i if in into is it its itself just let me more most my myself
    no nor not now of off on once one only or other our ours ourselves out over own please same she should show so
    some such tell than that the their theirs them themselves then there these they this those through to too under
    until up us very was we were what when where whether which while who whom whose why will with would you your
    yours yourself yourselves s t d ll m re ve don""".split()
)


class Analyser:
    """Cuts text into lower-case stems without stop words. Not safe for use by two threads at once."""

    def __init__(self, language: str = "english") -> None:
        self._stem = Stemmer.Stemmer(language).stemWords
        self._stops = _STOPS if language == "english" else frozenset()

    def stems(self, text: str) -> list[str]:
        """The stems of ``text``, in order; all words when every one is a stop word ("Who are you?")."""
        words = _WORD.findall(text.lower())
        telling = [word for word in words if word not in self._stops]
        return list(self._stem(telling or words))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and where it starts in the text that it was cut from."""

    text: str
    start: int


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of plain or Markdown text; headings and pieces of a single word are left out."""
    start = 0
    for stop, following in [*((m.start(), m.end()) for m in _BREAK.finditer(text)), (len(text), len(text))]:
        stop += len(text[stop:following]) - len(text[stop:following].lstrip("\"')]"))
        piece = text[start:stop].strip()
        if _SENTENCE.search(piece) and not piece.startswith(("#", "```")):
            yield Sentence(piece, start + len(text[start:stop]) - len(text[start:stop].lstrip()))
        start = following
