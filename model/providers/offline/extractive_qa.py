"""Answers without a language model: quotations of the excerpts that share the most with the question.

An excerpt is a sentence, a row, an item of a list or the answer to a question (model/excerpts.py). It is scored
by the share of the question's content words that it contains and by the share of its character n-grams, both weighted
by their rarity (inverse document frequency), by the score of its passage, and by whether it holds the kind of value
that the question asks for. Words of the headings and of the excerpt's context count less than its own. What this method
reaches was measured: docs/answers.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ...contract.events import Emit
from ...excerpts import RUNNING_KINDS, Excerpt, split_excerpts
from ...interfaces import NO_ANSWER, ConversationTurn, Reply
from ...passages import Chunk, Passage
from ...retrieval.local.lexical import Lexical
from ...runtime import usage
from ...text_analysis import find_identifiers, split_into_ngrams, split_words
from .follow_up import complete_question
from .question import Question, read_question, remove_words
from .quotation import MAX_ANSWER, Quotation, add_antecedents, add_following, join_quotations, quote_excerpt
from .versions import label_versions

ANSWERED_BY = "offline:extractive"
ABSTAIN_BELOW = 0.33
"""The support below which there is no answer. One value does for all collections that we measured (docs/decisions.md).
"""

_LETTERS_WEIGHT = 0.3
_PASSAGE_WEIGHT = 0.3
_VALUE_WEIGHT = 0.1
"""What an excerpt gains that holds the kind of value that the question asks for."""
_CONTEXT_WEIGHT = 0.6
"""Weight of the question's words that stand above an excerpt alone: in its context, headings or title."""
_CODE_PENALTY = 0.2
"""What code loses, unless the question asks for code."""
_REQUIRED_FACTOR = 0.5
"""The share of ``abstain_below`` that suffices where a word has to stand in what is quoted: a code of the question, or
each thing that it compares."""
_MIN_PART_SHARE = 0.25
"""The share of its words that a part of a comparison needs in an excerpt and above it."""
_CACHED_CHUNKS = 2048
_RECORD_MARGIN = 0.1
"""The margin after a row, an item or an answer, which says all by itself."""
_QUESTION_MARKS = ("?", "？", "؟")
_MAX_WORD_IN_NOTE, _MAX_NOTES = 60, 3
_MIN_PREFIX = 4


@dataclass(frozen=True, slots=True)
class _AnalysedExcerpt:
    """An excerpt of a chunk with its terms.

    Attributes:
        excerpt: The excerpt.
        stems: The stems of the excerpt's own words.
        stems_with_context: Those, and the stems of its context, headings and title.
        ngrams: The character n-grams of the excerpt and its context.
        words: All words in which a number or identifier of the question may stand.
    """

    excerpt: Excerpt
    stems: frozenset[str]
    stems_with_context: frozenset[str]
    ngrams: frozenset[str]
    words: frozenset[str]


class ExtractiveAnswerer:
    """Answers with quotations of the passages, without a language model.

    It abstains when no passage has a support of at least ``abstain_below``, and when no document contains a name or an
    identifier of the question.

    Args:
        lexical: The lexical statistics of the corpus.
        quotes: How many excerpts an answer quotes at most.
        margin: How far below the best score a further sentence may be.
        abstain_below: The support, from 0 to 1, below which there is no answer.
    """

    def __init__(self, lexical: Lexical, *, quotes: int = 3, margin: float = 0.4, abstain_below: float = 0.0) -> None:
        self._lexical = lexical
        self._quotes, self._margin, self._abstain_below = quotes, margin, abstain_below
        self._excerpts_of = lru_cache(_CACHED_CHUNKS)(self._analyse_chunk)

    async def complete_question(self, question: str, history: Sequence[ConversationTurn]) -> str:
        """Return ``question``, completed by the subject of the earlier questions where it cannot stand alone.

        Args:
            question: The question as the user asked it.
            history: The earlier turns, oldest first; at least one.
        """
        return complete_question(question, [turn.question for turn in history])

    async def split_question(self, question: str) -> Sequence[str]:
        """Return a question for each thing that ``question`` compares; it alone where it compares nothing.

        Args:
            question: A question that stands alone.
        """
        alternatives = read_question(question).alternatives
        return [
            remove_words(question, tuple(word for word in alternatives if word != alternative))
            for alternative in alternatives
        ] or [question]

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        """Return the best excerpts as the answer, each followed by [n], the number of its passage from 1.

        Args:
            question: The question.
            passages: The passages, best first.
            emit: Receives each excerpt as one token.
        """
        quotations = self._find_quotations(read_question(question), passages)
        if not quotations:
            emit("token", NO_ANSWER)
            return Reply(NO_ANSWER, ANSWERED_BY, abstained=True)
        text = ""
        for piece in join_quotations(add_following(add_antecedents(quotations))):
            emit("token", piece)
            text += piece
        return Reply(text, ANSWERED_BY, cited=frozenset(quotation.position for quotation in quotations))

    def _find_quotations(self, question: Question, passages: Sequence[Passage]) -> list[Quotation]:
        """Return what the answer quotes, in order; nothing when the documents hold no answer."""
        unknown = self._find_unknown(question, passages)
        for word in unknown[:_MAX_NOTES]:
            usage.add_note("not_in_documents", f"no document mentions {word[:_MAX_WORD_IN_NOTE]}")
        support = max((passage.support for passage in passages), default=0.0)
        required_support = self._abstain_below * (_REQUIRED_FACTOR if question.codes else 1.0)
        if any(word not in question.alternatives for word in unknown):
            return []
        is_comparable = question.alternatives and support >= self._abstain_below * _REQUIRED_FACTOR
        compared = self._compare(question, passages) if is_comparable else []
        if len(compared) > 1 or (compared and question.identifiers and support >= required_support):
            return compared
        if unknown or support < required_support:
            return []
        named = [passage for passage in passages if self._has_name(question, passage)]
        return self._select(question, self._require_attribute(question, self._rank(question, named, passages)))

    def _find_unknown(self, question: Question, passages: Sequence[Passage]) -> list[str]:
        """Return the names and identifiers of a question that no text, and no name of a found document, contains."""
        found_words = {word for passage in passages for word in split_words(passage.chunk.source)}
        words = [word.strip("?!.,;:()\"'") for word in question.text.split() if find_identifiers(word)]
        return [
            word
            for word in dict.fromkeys([*question.names, *words])
            if word and not self._lexical.contains(word) and found_words.isdisjoint(split_words(word))
        ]

    def _has_name(self, question: Question, passage: Passage) -> bool:
        """Return whether a passage contains one of the question's names, if there are any."""
        if not question.names:
            return True
        chunk = passage.chunk
        known_words = frozenset(self._lexical.stems(f"{chunk.source} {chunk.searchable_text}", chunk.language))
        return any(known_words & self._lexical.weights(name, chunk.language).keys() for name in question.names)

    def _compare(self, question: Question, passages: Sequence[Passage]) -> list[Quotation]:
        """Return the best quotation for each thing that the question compares, each with its name."""
        quotations: list[Quotation] = []
        for alternative in question.alternatives:
            others = tuple(word for word in question.alternatives if word != alternative)
            is_code = bool(find_identifiers(alternative))  # which ``identifiers`` requires
            part = replace(
                read_question(remove_words(question.text, question.alternatives if is_code else others)),
                identifiers=question.identifiers - frozenset(find_identifiers(" ".join(others))),
                kind="number",
            )
            required = frozenset() if is_code else frozenset(self._lexical.weights(alternative))
            ranked = [
                quotation
                for quotation in self._rank(part, passages, passages, required)
                if quotation.share >= _MIN_PART_SHARE and quotation.text not in {q.text for q in quotations}
            ]
            if ranked:
                best = ranked[0]
                is_named = alternative.lower() in best.text.lower()
                quotations.append(best if is_named else replace(best, label=alternative))
            else:
                usage.add_note(
                    "not_in_documents", f"no passage that was found answers this for {alternative[:_MAX_WORD_IN_NOTE]}"
                )
        return quotations

    def _rank(
        self,
        question: Question,
        candidates: Sequence[Passage],
        passages: Sequence[Passage],
        required_stems: frozenset[str] = frozenset(),
    ) -> list[Quotation]:
        """Return the quotations of passages, best first, of which each shares a word with the question.

        Args:
            question: The question.
            candidates: The passages that may be quoted.
            passages: All passages, which give a quotation its number.
            required_stems: Stems of which one has to stand in an excerpt or above it.
        """
        languages = {passage.chunk.language for passage in candidates}
        stems_by_language = {language: self._lexical.weights(question.subject, language) for language in languages}
        letters = self._lexical.ngram_weights(question.subject)
        top = max((passage.score for passage in passages), default=0.0) or 1.0
        quotations: dict[tuple[str, int], Quotation] = {}
        for passage in candidates:
            stems = stems_by_language[passage.chunk.language]
            for analysed in self._excerpts_of(passage.chunk):
                location = (passage.chunk.source, passage.chunk.start + analysed.excerpt.start)
                share = _share_of(stems, analysed)
                is_candidate = share and location not in quotations and question.identifiers <= analysed.words
                if not is_candidate or not _has_required(analysed.stems_with_context, required_stems):
                    continue  # passages overlap: an excerpt counts once
                score = (1 - _LETTERS_WEIGHT) * share + _LETTERS_WEIGHT * _weighted_share(letters, analysed.ngrams)
                score += _PASSAGE_WEIGHT * passage.score / top
                score += _VALUE_WEIGHT * question.is_answered_in(analysed.excerpt.text)
                score -= _CODE_PENALTY * (analysed.excerpt.kind == "code" and not question.wants_code)
                quotations[location] = Quotation(
                    "",
                    passages.index(passage),
                    score,
                    passage.chunk,
                    analysed.excerpt,
                    share=share,
                    stems=frozenset(stems),
                )
        ranked = sorted(quotations.values(), key=lambda quotation: -quotation.score)
        return [quote_excerpt(quotation, question) for quotation in ranked[: 4 * self._quotes]]

    def _require_attribute(self, question: Question, ranked: Sequence[Quotation]) -> Sequence[Quotation]:
        """Return the quotations of a thing with what is asked of it, where the best quotation is a record of things.

        A record that has the thing alone, such as a person without a salary, does not answer, and neither does a text
        about salaries. Questions for a number or a date are left out, since fields name these in many words.
        """
        if not ranked or ranked[0].is_running or not question.attribute or question.kind not in {"definition", "other"}:
            return ranked
        subject = " ".join(word for word in question.subject.split() if word not in question.attribute.split())
        return [
            quotation
            for quotation in ranked
            if self._has_word(question.attribute, quotation) and self._has_word(subject, quotation)
        ]

    def _has_word(self, text: str, quotation: Quotation) -> bool:
        """Return whether a word of a text is one of an excerpt or above it, or part of such a word."""
        chunk, excerpt = quotation.chunk, quotation.excerpt
        words = split_words(f"{chunk.title} {chunk.heading} {excerpt.context} {excerpt.text}")
        stems = self._lexical.weights(text, chunk.language).keys()
        terms = stems | {word for word in split_words(text) if any(word.startswith(stem) for stem in stems)}
        return not terms.isdisjoint(words) or any(
            min(len(term), len(word)) >= _MIN_PREFIX and (term in word or word in term)
            for term in terms
            for word in words
        )

    def _select(self, question: Question, ranked: Sequence[Quotation]) -> list[Quotation]:
        """Return the best quotations with different texts, as far as they are near the best and fit into an answer."""
        if not ranked:
            return []
        versions = label_versions(question, ranked, self._quotes)
        if versions:
            return versions
        margin = self._margin if ranked[0].is_running else min(self._margin, _RECORD_MARGIN)
        chosen: list[Quotation] = []
        for quotation in ranked:
            if len(chosen) == self._quotes or quotation.score < ranked[0].score - margin:
                break
            is_new = all(quotation.text not in earlier.text for earlier in chosen)
            if is_new and sum(map(len, join_quotations([*chosen, quotation]))) <= MAX_ANSWER:
                chosen.append(quotation)
        return chosen

    def _analyse_chunk(self, chunk: Chunk) -> tuple[_AnalysedExcerpt, ...]:
        return tuple(
            self._analyse_excerpt(chunk, excerpt)
            for excerpt in split_excerpts(chunk)
            if not excerpt.text.rstrip().endswith(_QUESTION_MARKS)
        )

    def _analyse_excerpt(self, chunk: Chunk, excerpt: Excerpt) -> _AnalysedExcerpt:
        above = f"{chunk.title} {chunk.heading} {excerpt.context}"
        # A sentence may rely on the one before it, and the fields of a chunk are one record. All else stands alone.
        surrounding = chunk.text if excerpt.kind in {*RUNNING_KINDS, "fields"} else excerpt.text
        own = frozenset(self._lexical.stems(excerpt.text, chunk.language))
        tags = " ".join(chunk.tags) if excerpt.kind in RUNNING_KINDS else ""
        return _AnalysedExcerpt(
            excerpt,
            own,
            own | frozenset(self._lexical.stems(above, chunk.language)),
            frozenset(split_into_ngrams(f"{excerpt.context} {excerpt.text}")),
            frozenset(split_words(f"{chunk.source} {tags} {above} {surrounding}")),
        )


def _has_required(stems: frozenset[str], required_stems: frozenset[str]) -> bool:
    """Return whether a stem is or begins with a required one, if there are any.

    A compound counts: the German word for the late shift begins with that for "late".
    """
    return (
        not required_stems
        or not stems.isdisjoint(required_stems)
        or any(
            stem.startswith(required) for required in required_stems if len(required) >= _MIN_PREFIX for stem in stems
        )
    )


def _share_of(stems: Mapping[str, float], analysed: _AnalysedExcerpt) -> float:
    """Return the share of the question's words in an excerpt, those above it with less weight."""
    own = _weighted_share(stems, analysed.stems)
    return own + _CONTEXT_WEIGHT * (_weighted_share(stems, analysed.stems_with_context) - own)


def _weighted_share(weights: Mapping[str, float], terms: Iterable[str]) -> float:
    """Return the part of the weights whose terms are among ``terms``, from 0 to 1."""
    return sum(weights[term] for term in weights.keys() & frozenset(terms)) / (sum(weights.values()) or 1.0)
