"""Measure how well a profile answers the questions of an evaluation file.

A file in SQuAD's format contains its paragraphs, so a profile is measured on an index of them. Abstention is measured
twice: with questions whose article is not indexed, and with questions whose paragraph alone is left out of a new index.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from model.contract.requests import Request
from model.errors import MultichainError
from model.profile import Profile
from model.profile_validation import validate_profile
from model.retrieval.local.index import Index
from model.retrieval.local.lexical import Lexical

from ..indexing.build import build_index
from ..progress import ignore_progress
from .dataset import EvaluationDataset, Example
from .question_kinds import estimate_by_kind
from .statistics import Estimate, auroc, balanced_accuracy, estimate_mean, estimate_ranking, estimate_separation

MAX_RANK = 10
"""Number of sources that are requested to find the rank of the right passage."""
Ask = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
"""Sends requests to the stage ``qa``; returns the output of the stage for each, in order."""
_MIN_WORD = 5  # letters; a shorter word is not mistyped


def measure_answers(ask: Ask, examples: Sequence[Example]) -> list[Estimate]:
    """Return estimates of retrieval, answers, citations and, where some examples are unanswerable, abstention.

    Args:
        ask: Sends requests to the stage ``qa``.
        examples: The examples.
    """
    answerable = [example for example in examples if example.is_answerable]
    replies = ask([{"question": example.question} for example in answerable])
    estimates = estimate_ranking(_rank_sources(ask, answerable))
    recall = [_holds_answer(reply, example) for reply, example in zip(replies, answerable, strict=True)]
    answered_replies = [reply for reply in replies if not reply["abstained"]]
    estimates.append(estimate_mean("answer recall", recall))
    answered = [is_right for is_right, reply in zip(recall, replies, strict=True) if not reply["abstained"]]
    estimates.append(estimate_mean("answer recall of those answered", answered))
    estimates.append(estimate_mean("characters of an answer", [len(reply["answer"]) for reply in answered_replies]))
    estimates.append(estimate_mean("citation precision", list(_cited_matches(replies, answerable))))
    estimates.append(estimate_mean("answered", [not reply["abstained"] for reply in replies]))
    unanswerable = [example for example in examples if not example.is_answerable]
    return estimates + (
        measure_abstention(replies, ask([{"question": example.question} for example in unanswerable]))
        if unanswerable
        else []
    )


def benchmark_profile(
    profile: Profile, evaluation: EvaluationDataset, beside: Sequence[Profile] = ()
) -> Iterator[tuple[str, list[Estimate]]]:
    """Yield titles and estimates of a profile, measured on the paragraphs of ``evaluation``.

    Args:
        profile: The profile.
        evaluation: Examples with their paragraphs.
        beside: Profiles whose search is measured for comparison. The title of a profile that cannot be used here says
            why, and has no estimates.
    """
    examples = [example for example in evaluation.examples if example.is_answerable]
    with tempfile.TemporaryDirectory(prefix="multichain-quality-") as folder:
        index, ask = _build_index(profile, evaluation.paragraphs, Path(folder) / "all")
        yield "all paragraphs in one index", measure_answers(ask, examples)
        replies = ask([{"question": example.question} for example in evaluation.examples])
        yield "by kind of question", list(estimate_by_kind(evaluation.examples, replies))
        hardest = _choose_hardest(index.lexical, examples)
        yield "the quarter with the fewest words in common", estimate_ranking(_rank_sources(ask, hardest))
        random = Random(1)  # noqa: S311 - the same typing errors every time
        mistyped = [Example(_add_typo(e.question, random), e.answers, e.source, e.context) for e in examples]
        yield "with typing errors", estimate_ranking(_rank_sources(ask, mistyped))
        yield (
            "for comparison, words alone",
            estimate_ranking(_rank_by_score(examples, index, lambda text: index.lexical.scores(text)[0])),
        )
        yield (
            "for comparison, letters alone",
            estimate_ranking(_rank_by_score(examples, index, lambda text: index.lexical.scores(text)[1])),
        )
        yield (
            "for comparison, vectors alone",
            estimate_ranking(_rank_by_score(examples, index, _score_by_cosine(profile, index))),
        )
        for other_profile in beside:
            yield _benchmark_search(other_profile, evaluation, examples, Path(folder) / other_profile.name)
        yield "questions whose article is not indexed", _measure_off_topic(profile, evaluation, Path(folder))
        yield "questions whose paragraph is not indexed", _measure_near_misses(profile, evaluation, Path(folder))


def _benchmark_search(
    profile: Profile, evaluation: EvaluationDataset, examples: Sequence[Example], folder: Path
) -> tuple[str, list[Estimate]]:
    """Return the title and estimates of a profile's complete search, by vectors and words."""
    try:
        validate_profile(profile)
        _, ask = _build_index(profile, evaluation.paragraphs, folder)
    except MultichainError as error:
        return f"for comparison, {profile.name} cannot be used: {error}", []
    return f"for comparison, the search of {profile.name}", estimate_ranking(_rank_sources(ask, examples))


def _build_index(profile: Profile, paragraphs: dict[str, str], folder: Path) -> tuple[Index, Ask]:
    """Index ``paragraphs``, and return the index with a function that asks the profile's stage ``qa`` over it."""
    for source, text in paragraphs.items():
        (folder / "texts" / source).parent.mkdir(parents=True, exist_ok=True)
        (folder / "texts" / source).write_text(text, "utf-8")
    result = build_index(profile, [folder / "texts"], folder / "index", ignore_progress)
    index = Index.open(result.folder)
    pipeline = profile.make_pipeline(profile.make_retriever(index))

    def ask(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            response["qa"]
            for response in pipeline.answer_requests([Request({"qa": stage_input}) for stage_input in requests])
        ]

    return index, ask


def _measure_off_topic(profile: Profile, evaluation: EvaluationDataset, folder: Path) -> list[Estimate]:
    """Index half of the articles and ask all questions, then the same with the other half; return the abstention."""
    with_answer: list[dict[str, Any]] = []
    without_answer: list[dict[str, Any]] = []
    articles = list(dict.fromkeys(example.article for example in evaluation.examples))
    for half in (0, 1):
        indexed_articles = set(articles[half::2])
        sources = {e.source for e in evaluation.examples if e.article in indexed_articles}
        paragraphs = {source: text for source, text in evaluation.paragraphs.items() if source in sources}
        _, ask = _build_index(profile, paragraphs, folder / f"half{half}")
        replies = ask([{"question": example.question} for example in evaluation.examples])
        for reply, example in zip(replies, evaluation.examples, strict=True):
            (with_answer if example.article in indexed_articles else without_answer).append(reply)
    return measure_abstention(with_answer, without_answer)


def _measure_near_misses(profile: Profile, evaluation: EvaluationDataset, folder: Path) -> list[Estimate]:
    """Leave out some paragraphs and ask all questions, until each paragraph was left out once; return the abstention.

    There are at most five rounds. Where each article has five paragraphs, a round leaves out one paragraph of each
    article.
    """
    with_answer: list[dict[str, Any]] = []
    without_answer: list[dict[str, Any]] = []
    numbers = {source: n for n, source in enumerate(evaluation.paragraphs)}
    rounds = min(5, len(numbers))
    for left_out in range(rounds):
        paragraphs = {
            source: text for source, text in evaluation.paragraphs.items() if numbers[source] % rounds != left_out
        }
        _, ask = _build_index(profile, paragraphs, folder / f"out{left_out}")
        replies = ask([{"question": example.question} for example in evaluation.examples])
        for reply, example in zip(replies, evaluation.examples, strict=True):
            (with_answer if example.source in paragraphs else without_answer).append(reply)
    return measure_abstention(with_answer, without_answer)


def measure_abstention(
    with_answer: Sequence[dict[str, Any]], without_answer: Sequence[dict[str, Any]]
) -> list[Estimate]:
    """Return estimates of how well answerable and unanswerable questions are told apart.

    Args:
        with_answer: Outputs of the stage for questions whose answer is in the documents.
        without_answer: Outputs of the stage for questions whose answer is not.
    """
    answered = [[float(not reply["abstained"]) for reply in replies] for replies in (with_answer, without_answer)]
    support = [[reply["support"] for reply in replies] for replies in (with_answer, without_answer)]
    return [
        estimate_separation("abstention, balanced accuracy", balanced_accuracy, *answered),
        estimate_separation("abstention, AUROC", auroc, *support),
        estimate_mean("answerable questions answered", answered[0]),
        estimate_mean("unanswerable questions refused", [1 - reply for reply in answered[1]]),
    ]


def _rank_sources(ask: Ask, examples: Sequence[Example]) -> list[int | None]:
    replies = ask([{"question": example.question, "k": MAX_RANK} for example in examples])
    return [_find_rank(reply["sources"], example) for reply, example in zip(replies, examples, strict=True)]


def _find_rank(sources: Sequence[dict[str, Any]], example: Example) -> int | None:
    return next((rank for rank, source in enumerate(sources, 1) if example.matches_source(source)), None)


def _rank_by_score(examples: Sequence[Example], index: Index, scores: Callable[[str], Any]) -> list[int | None]:
    """Return the rank of each example's right passage when chunks are ordered by one score alone."""
    ranks = []
    for example in examples:
        best = np.argsort(-scores(example.question), kind="stable")[:MAX_RANK]
        ranks.append(
            _find_rank([{"source": index.chunks[n].source, "text": index.chunks[n].text} for n in best], example)
        )
    return ranks


def _search_parts(profile: Profile, index: Index) -> dict[str, Callable[[str], Any]]:
    """Return the parts of the search by name; each scores all chunks."""
    return {
        "words": lambda text: index.lexical.scores(text)[0],
        "letters": lambda text: index.lexical.scores(text)[1],
        "vectors": _score_by_cosine(profile, index),
    }


def _score_by_cosine(profile: Profile, index: Index) -> Callable[[str], Any]:
    from model.runtime.event_loop import Engine

    embedder, engine = profile.make_embedder(index=index), Engine()

    def scores(text: str) -> Any:  # an array
        vector = engine.run(embedder.embed([text], question=True))[0]
        nearest = index.search(vector, len(index.chunks))
        cosines = np.full(len(index.chunks), -1.0)
        cosines[nearest.positions] = nearest.scores
        return cosines

    return scores


def _holds_answer(reply: dict[str, Any], example: Example) -> bool:
    return any(answer.lower() in reply["answer"].lower() for answer in example.answers)


def _cited_matches(replies: Sequence[dict[str, Any]], examples: Sequence[Example]) -> Iterator[float]:
    """Yield for each cited source 1 when it is a right passage, else 0."""
    for reply, example in zip(replies, examples, strict=True):
        yield from (float(example.matches_source(source)) for source in reply["sources"] if source["cited"])


def _choose_hardest(lexical: Lexical, examples: Sequence[Example]) -> list[Example]:
    """Return the quarter of the examples whose paragraphs contain the smallest share of the question's words.

    Each word counts by its idf.
    """

    def share(example: Example) -> float:
        weights = lexical.weights(example.question)
        words_of_context = weights.keys() & set(lexical.stems(example.context))
        return sum(weights[stem] for stem in words_of_context) / (sum(weights.values()) or 1.0)

    return sorted(examples, key=share)[: len(examples) // 4]


def _add_typo(question: str, random: Random) -> str:
    """Swap two adjacent letters in one or two of the longer words of ``question``."""
    words = question.split()
    long_words = [n for n, word in enumerate(words) if len(word) >= _MIN_WORD and word.isalpha()]
    for n in random.sample(long_words, min(len(long_words), random.choice([1, 2]))):
        position = random.randrange(1, len(words[n]) - 2)
        words[n] = words[n][:position] + words[n][position + 1] + words[n][position] + words[n][position + 2 :]
    return " ".join(words)
