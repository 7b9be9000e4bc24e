"""Answers without a language model: the sentences that hold most of what the question names, quoted.

Each sentence is scored by the share of the question's telling words in it, and of its letters, weighted by how rare
they are (idf), and by how well its passage was found. What this reaches was measured: docs/decisions.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..contract.events import Tell
from ..interfaces import NO_ANSWER, Reply, Turn
from ..passages import Chunk, Passage
from ..retrieval.local.lexical import Lexical, runs
from ..text_analysis import sentences, telling, words

ANSWERED_BY = "offline:extractive"

_LETTERS_WEIGHT = 0.3
_PASSAGE_WEIGHT = 0.3
_KEPT_CHUNKS = 2048
_ENOUGH = 2
"""Telling words of a question that stands alone."""
_REFERRING = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|she|him|her|his|hers|there|then|ones?)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of a chunk, where it starts in its document, and its terms."""

    text: str
    start: int
    stems: frozenset[str]
    runs: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Quote:
    """A sentence of the passage at ``position``."""

    text: str
    position: int
    score: float


class Extractive:
    """Quotes up to ``quotes`` sentences; the others only when within ``margin`` of the best one's score.

    It abstains when no passage holds as much of the question as ``abstain_below``, by words and letters.
    """

    def __init__(self, lexical: Lexical, *, quotes: int = 3, margin: float = 0.3, abstain_below: float = 0.0) -> None:
        self._lexical = lexical
        self._quotes, self._margin, self._abstain_below = quotes, margin, abstain_below
        self._sentences = lru_cache(_KEPT_CHUNKS)(self._read)

    async def standalone(self, question: str, history: Sequence[Turn]) -> str:
        """The question with the telling words of the last one, when it refers to something or says too little alone."""
        asked = words(question)
        if sum(map(telling, asked)) >= _ENOUGH and not _REFERRING.search(question):
            return question
        there = set(asked)
        carried = [word for word in words(history[-1].question) if word not in there and telling(word)]
        return " ".join([question, *carried])

    async def answer(self, question: str, passages: Sequence[Passage], tell: Tell) -> Reply:
        """The best sentences, each followed by [n] for the passage it stands in."""
        quotes = self._best(question, passages)
        abstained = not quotes or max(passage.support for passage in passages) < self._abstain_below
        pieces = [NO_ANSWER] if abstained else [f"{quote.text} [{quote.position + 1}]" for quote in quotes]
        for number, piece in enumerate(pieces):
            tell("token", " " * bool(number) + piece)
        if abstained:
            return Reply(NO_ANSWER, ANSWERED_BY, abstained=True)
        return Reply(" ".join(pieces), ANSWERED_BY, cited=frozenset(quote.position for quote in quotes))

    def _best(self, question: str, passages: Sequence[Passage]) -> list[_Quote]:
        """The sentences to quote, best first; none that shares no word with the question."""
        stems, letters = self._lexical.weights(question), self._lexical.letter_weights(question)
        found: dict[tuple[str, int], _Quote] = {}
        top = max((passage.score for passage in passages), default=0.0) or 1.0
        for position, passage in enumerate(passages):
            for sentence in self._sentences(passage.chunk):
                share = _share(stems, sentence.stems)
                place = (passage.chunk.source, sentence.start)  # the same sentence of two passages is one
                if share and place not in found:
                    score = (1 - _LETTERS_WEIGHT) * share + _LETTERS_WEIGHT * _share(letters, sentence.runs)
                    score += _PASSAGE_WEIGHT * passage.score / top
                    found[place] = _Quote(" ".join(sentence.text.split()), position, score)
        ranked = sorted(found.values(), key=lambda quote: -quote.score)[: self._quotes]
        return [quote for quote in ranked if quote.score >= ranked[0].score - self._margin]

    def _read(self, chunk: Chunk) -> tuple[_Sentence, ...]:
        return tuple(self._told(chunk))

    def _told(self, chunk: Chunk) -> Iterator[_Sentence]:
        for sentence in sentences(chunk.text):
            stems, letters = frozenset(self._lexical.stems(sentence.text)), frozenset(runs(sentence.text))
            yield _Sentence(sentence.text, chunk.start + sentence.start, stems, letters)


def _share(weights: Mapping[str, float], terms: frozenset[str]) -> float:
    """The part of the weights whose terms are among ``terms``, from 0 to 1."""
    return sum(weights[term] for term in weights.keys() & terms) / (sum(weights.values()) or 1.0)
