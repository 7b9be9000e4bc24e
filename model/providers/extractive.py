"""Answers without a language model: the sentences that hold most of what the question names, quoted.

Each sentence is scored by the share of the question's telling words in it, weighted by how rare they are
(idf), and by how well its passage was found. What this reaches was measured: docs/decisions.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..events import Tell
from ..retrieval.chunks import Passage
from ..retrieval.lexical import Lexical
from ..retrieval.words import sentences
from .base import NO_ANSWER, Reply

ANSWERED_BY = "offline:extractive"

_PASSAGE_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class _Quote:
    """A sentence of the passage at ``position``; ``place`` tells the same sentence of two passages apart."""

    text: str
    position: int
    place: tuple[str, int]
    score: float


class Extractive:
    """Quotes up to ``quotes`` sentences; the others only when within ``margin`` of the best one's score.

    It abstains when the best passage holds less than ``abstain_below`` of what the question names, by weight.
    """

    def __init__(self, lexical: Lexical, *, quotes: int = 2, margin: float = 0.4, abstain_below: float = 0.36) -> None:
        self._lexical = lexical
        self._quotes, self._margin, self._abstain_below = quotes, margin, abstain_below

    async def answer(self, question: str, passages: Sequence[Passage], tell: Tell) -> Reply:
        """The best sentences, each followed by [n] for the passage it stands in."""
        weights = self._lexical.weights(question)
        held = [self._share(weights, passage.chunk.searched) for passage in passages]
        quotes = self._best(weights, passages)
        abstained = not quotes or max(held) < self._abstain_below
        pieces = [NO_ANSWER] if abstained else [f"{quote.text} [{quote.position + 1}]" for quote in quotes]
        for number, piece in enumerate(pieces):
            tell("token", " " * bool(number) + piece)
        if abstained:
            return Reply(NO_ANSWER, ANSWERED_BY, abstained=True)
        return Reply(" ".join(pieces), ANSWERED_BY, cited=frozenset(quote.position for quote in quotes))

    def _best(self, weights: dict[str, float], passages: Sequence[Passage]) -> list[_Quote]:
        """The sentences to quote, best first; none that shares no word with the question."""
        found: dict[tuple[str, int], _Quote] = {}
        top = max((passage.score for passage in passages), default=0.0) or 1.0
        for position, passage in enumerate(passages):
            for sentence in sentences(passage.text):
                share = self._share(weights, sentence.text)
                place = (passage.chunk.source, passage.chunk.start + sentence.start)
                if share and place not in found:
                    score = share + _PASSAGE_WEIGHT * passage.score / top
                    found[place] = _Quote(" ".join(sentence.text.split()), position, place, score)
        ranked = sorted(found.values(), key=lambda quote: -quote.score)[: self._quotes]
        return [quote for quote in ranked if quote.score >= ranked[0].score - self._margin]

    def _share(self, weights: dict[str, float], text: str) -> float:
        """The part of the weights whose stems stand in ``text``, from 0 to 1."""
        there = weights.keys() & set(self._lexical.stems(text))
        return sum(weights[stem] for stem in there) / (sum(weights.values()) or 1.0)
