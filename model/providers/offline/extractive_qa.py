"""Answers without a language model: quotations of the sentences that share the most with the question.

A sentence is scored by the share of the question's content words that it contains and by the share of its character
n-grams, both weighted by their rarity (inverse document frequency), and by the score of its passage. What this method
reaches was measured: docs/decisions.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ...contract.events import Emit
from ...interfaces import NO_ANSWER, ConversationTurn, Reply
from ...passages import Chunk, Passage
from ...retrieval.local.lexical import Lexical
from ...text_analysis import is_content_word, split_into_ngrams, split_sentences, split_words

ANSWERED_BY = "offline:extractive"

_LETTERS_WEIGHT = 0.3
_PASSAGE_WEIGHT = 0.3
_CACHED_CHUNKS = 2048
_MIN_CONTENT_WORDS = 2
"""Content words that a question needs to be understood without the one before."""
_REFERRING_WORDS = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|she|him|her|his|hers|there|then|ones?)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _AnalysedSentence:
    """A sentence of a chunk, where it starts in its document, and its terms."""

    text: str
    start: int
    stems: frozenset[str]
    ngrams: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Quote:
    """A sentence of the passage at ``position``, and its score."""

    text: str
    position: int
    score: float


class ExtractiveAnswerer:
    """Answers with quotations of the passages, without a language model.

    It abstains when no passage has a support of at least ``abstain_below``.

    Args:
        lexical: The lexical statistics of the corpus.
        quotes: How many sentences an answer quotes at most.
        margin: How far below the best score a further sentence may be.
        abstain_below: The support, from 0 to 1, below which there is no answer.
    """

    def __init__(self, lexical: Lexical, *, quotes: int = 3, margin: float = 0.3, abstain_below: float = 0.0) -> None:
        self._lexical = lexical
        self._quotes, self._margin, self._abstain_below = quotes, margin, abstain_below
        self._sentences_of = lru_cache(_CACHED_CHUNKS)(self._read_chunk)

    async def complete_question(self, question: str, history: Sequence[ConversationTurn]) -> str:
        """Return ``question``, completed with content words of the previous question where it cannot stand alone.

        A question cannot stand alone when it has a referring word, such as "it", or fewer than two content words.

        Args:
            question: The question as the user asked it.
            history: The earlier turns, oldest first; at least one.
        """
        question_words = split_words(question)
        if sum(map(is_content_word, question_words)) >= _MIN_CONTENT_WORDS and not _REFERRING_WORDS.search(question):
            return question
        known_words = set(question_words)
        carried = [
            word for word in split_words(history[-1].question) if word not in known_words and is_content_word(word)
        ]
        return " ".join([question, *carried])

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        """Return the best sentences as the answer, each followed by [n], the number of its passage from 1.

        Args:
            question: The question.
            passages: The passages, best first.
            emit: Receives each sentence as one token.
        """
        quotes = self._choose_quotes(question, passages)
        abstained = not quotes or max(passage.support for passage in passages) < self._abstain_below
        pieces = [NO_ANSWER] if abstained else [f"{quote.text} [{quote.position + 1}]" for quote in quotes]
        for number, piece in enumerate(pieces):
            emit("token", " " * bool(number) + piece)
        if abstained:
            return Reply(NO_ANSWER, ANSWERED_BY, abstained=True)
        return Reply(" ".join(pieces), ANSWERED_BY, cited=frozenset(quote.position for quote in quotes))

    def _choose_quotes(self, question: str, passages: Sequence[Passage]) -> list[_Quote]:
        """Return the sentences to quote, best first; none that shares no word with the question."""
        stems, letters = self._lexical.weights(question), self._lexical.ngram_weights(question)
        quotes_by_place: dict[tuple[str, int], _Quote] = {}
        top = max((passage.score for passage in passages), default=0.0) or 1.0
        for position, passage in enumerate(passages):
            for sentence in self._sentences_of(passage.chunk):
                share = _weighted_share(stems, sentence.stems)
                place_in_source = (passage.chunk.source, sentence.start)  # passages overlap: a sentence counts once
                if share and place_in_source not in quotes_by_place:
                    score = (1 - _LETTERS_WEIGHT) * share + _LETTERS_WEIGHT * _weighted_share(letters, sentence.ngrams)
                    score += _PASSAGE_WEIGHT * passage.score / top
                    quotes_by_place[place_in_source] = _Quote(" ".join(sentence.text.split()), position, score)
        ranked = sorted(quotes_by_place.values(), key=lambda quote: -quote.score)[: self._quotes]
        return [quote for quote in ranked if quote.score >= ranked[0].score - self._margin]

    def _read_chunk(self, chunk: Chunk) -> tuple[_AnalysedSentence, ...]:
        return tuple(self._analyse_sentences(chunk))

    def _analyse_sentences(self, chunk: Chunk) -> Iterator[_AnalysedSentence]:
        for sentence in split_sentences(chunk.text):
            stems, letters = frozenset(self._lexical.stems(sentence.text)), frozenset(split_into_ngrams(sentence.text))
            yield _AnalysedSentence(sentence.text, chunk.start + sentence.start, stems, letters)


def _weighted_share(weights: Mapping[str, float], terms: frozenset[str]) -> float:
    """Return the part of the weights whose terms are among ``terms``, from 0 to 1."""
    return sum(weights[term] for term in weights.keys() & terms) / (sum(weights.values()) or 1.0)
