"""Answers without a language model: quotations of the excerpts that share the most with the question.

An excerpt is a sentence, a row, an item of a list or the answer to a question (model/excerpts.py). It is scored
by the share of the question's content words that it contains and by the share of its character n-grams, both weighted
by their rarity (inverse document frequency), and by the score of its passage. Words of the headings and of the
excerpt's context count less than its own. A number or identifier of the question has to stand in
the excerpt or above it. What this method reaches was measured: docs/decisions.md.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ...contract.events import Emit
from ...excerpts import MAX_EXCERPT, RUNNING_KINDS, Excerpt, split_excerpts
from ...interfaces import NO_ANSWER, ConversationTurn, Reply
from ...passages import Chunk, Passage
from ...retrieval.local.lexical import Lexical
from ...text_analysis import find_identifiers, is_content_word, split_into_ngrams, split_words

ANSWERED_BY = "offline:extractive"

_LETTERS_WEIGHT = 0.3
_PASSAGE_WEIGHT = 0.3
_CACHED_CHUNKS = 2048
_CONTEXT_WEIGHT = 0.6
"""Weight of the question's words that stand above an excerpt alone: in its context, headings or title."""
_MAX_ANSWER = 480
"""Characters of all quotations together."""
_RECORD_MARGIN = 0.1
"""The margin after a row, an item or an answer, which says all by itself."""
_QUESTION_MARKS = ("?", "？", "؟")
_LIST_QUESTION = re.compile(
    r"^\s*(?:how (?:do|can|to|should|does)|what are|which \w+s\b|list|name|wie|welche)\b|\bsteps?\b", re.IGNORECASE
)
"""Questions that a whole list answers."""
_PUNCTUATION = ".,;:!?\"'()[]{}"
_MIN_CONTENT_WORDS = 2
"""Content words that a question needs to be understood without the one before."""
_REFERRING_WORDS = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|she|him|her|his|hers|there|then|ones?)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _AnalysedExcerpt:
    """An excerpt of a chunk with its terms.

    Attributes:
        excerpt: The excerpt.
        source_position: Source and position, which tell whether two passages hold the same excerpt.
        stems: The stems of the excerpt's own words.
        stems_with_context: Those, and the stems of its context, headings and title.
        ngrams: The character n-grams of the excerpt and its context.
        words: All words in which a number or identifier of the question may stand.
    """

    excerpt: Excerpt
    source_position: tuple[str, int]
    stems: frozenset[str]
    stems_with_context: frozenset[str]
    ngrams: frozenset[str]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Quote:
    """The text to quote from the passage at ``position``, and its score."""

    text: str
    position: int
    score: float
    is_record: bool = False


class ExtractiveAnswerer:
    """Answers with quotations of the passages, without a language model.

    It abstains when no passage has a support of at least ``abstain_below``.

    Args:
        lexical: The lexical statistics of the corpus.
        quotes: How many excerpts an answer quotes at most.
        margin: How far below the best score a further sentence may be.
        abstain_below: The support, from 0 to 1, below which there is no answer.
    """

    def __init__(self, lexical: Lexical, *, quotes: int = 3, margin: float = 0.3, abstain_below: float = 0.0) -> None:
        self._lexical = lexical
        self._quotes, self._margin, self._abstain_below = quotes, margin, abstain_below
        self._excerpts_of = lru_cache(_CACHED_CHUNKS)(self._analyse_chunk)

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
            token.strip(_PUNCTUATION)
            for token in history[-1].question.split()
            if any(word not in known_words and is_content_word(word) for word in split_words(token))
        ]
        return " ".join([question, *carried])

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        """Return the best excerpts as the answer, each followed by [n], the number of its passage from 1.

        Args:
            question: The question.
            passages: The passages, best first.
            emit: Receives each excerpt as one token.
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
        """Return what to quote, best first; nothing that shares no word with the question or lacks its identifiers."""
        languages = {passage.chunk.language for passage in passages}
        stems_by_language = {language: self._lexical.weights(question, language) for language in languages}
        letters = self._lexical.ngram_weights(question)
        identifiers = set(find_identifiers(question))
        wants_list = bool(_LIST_QUESTION.search(question))
        quotes_by_position: dict[tuple[str, int], _Quote] = {}
        top = max((passage.score for passage in passages), default=0.0) or 1.0
        for position, passage in enumerate(passages):
            stems = stems_by_language[passage.chunk.language]
            for analysed in self._excerpts_of(passage.chunk):
                own = _weighted_share(stems, analysed.stems)
                share = own + _CONTEXT_WEIGHT * (_weighted_share(stems, analysed.stems_with_context) - own)
                is_candidate = (
                    share and identifiers <= analysed.words and analysed.source_position not in quotes_by_position
                )
                if is_candidate:  # passages overlap: an excerpt counts once
                    score = (1 - _LETTERS_WEIGHT) * share + _LETTERS_WEIGHT * _weighted_share(letters, analysed.ngrams)
                    score += _PASSAGE_WEIGHT * passage.score / top
                    text = (
                        analysed.excerpt.whole_list
                        if wants_list and analysed.excerpt.whole_list
                        else analysed.excerpt.text
                    )
                    quotes_by_position[analysed.source_position] = _Quote(
                        _fit_text(text), position, score, analysed.excerpt.kind not in RUNNING_KINDS
                    )
        return self._select(sorted(quotes_by_position.values(), key=lambda quote: -quote.score))

    def _select(self, ranked: Sequence[_Quote]) -> list[_Quote]:
        """Return the best quotes with different texts, as far as they are near the best one and fit into an answer."""
        chosen: list[_Quote] = []
        margin = min(self._margin, _RECORD_MARGIN) if ranked and ranked[0].is_record else self._margin
        for quote in ranked:
            length = sum(len(earlier.text) for earlier in chosen)
            if len(chosen) == self._quotes or quote.score < ranked[0].score - margin:
                break
            if all(quote.text != earlier.text for earlier in chosen) and length + len(quote.text) <= _MAX_ANSWER:
                chosen.append(quote)
        return chosen

    def _analyse_chunk(self, chunk: Chunk) -> tuple[_AnalysedExcerpt, ...]:
        return tuple(
            self._analyse_excerpt(chunk, excerpt)
            for excerpt in split_excerpts(chunk)
            if not excerpt.text.rstrip().endswith(_QUESTION_MARKS)
        )

    def _analyse_excerpt(self, chunk: Chunk, excerpt: Excerpt) -> _AnalysedExcerpt:
        above = f"{chunk.title} {chunk.heading} {excerpt.context}"
        # A sentence may rely on the one before it, while a row, an item or an answer stands alone.
        surrounding = chunk.text if excerpt.kind in RUNNING_KINDS else excerpt.text
        own = frozenset(self._lexical.stems(excerpt.text, chunk.language))
        return _AnalysedExcerpt(
            excerpt,
            (chunk.source, chunk.start + excerpt.start),
            own,
            own | frozenset(self._lexical.stems(above, chunk.language)),
            frozenset(split_into_ngrams(f"{excerpt.context} {excerpt.text}")),
            frozenset(split_words(f"{chunk.source} {above} {surrounding}")),
        )


def _fit_text(text: str) -> str:
    """Return ``text`` on one line, cut before a word where it is longer than an answer may be."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_EXCERPT else line[: MAX_EXCERPT - 1].rsplit(" ", 1)[0] + "…"


def _weighted_share(weights: Mapping[str, float], terms: frozenset[str]) -> float:
    """Return the part of the weights whose terms are among ``terms``, from 0 to 1."""
    return sum(weights[term] for term in weights.keys() & terms) / (sum(weights.values()) or 1.0)
