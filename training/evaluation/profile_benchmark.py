"""How good a profile, or a version, is at the questions of an evaluation file.

A file in SQuAD's format brings its paragraphs, so a profile is measured on an index of them: also with questions
whose article is not indexed, and with those whose paragraph alone is taken out and the index built anew.
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

from ..indexing.build import build
from .dataset import Evaluation, Example
from .statistics import Figure, auroc, balanced, mean, parted, ranking

DEEP = 10
Ask = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
"""Requests to the stage ``qa``, answered in order: the fields of ``qa``."""
_SHORTEST = 5  # letters of a word that may be mistyped


def of_answers(ask: Ask, examples: Sequence[Example]) -> list[Figure]:
    """Retrieval, answers, citations, and abstention where the file has questions without an answer."""
    known = [example for example in examples if example.answerable]
    told = ask([{"question": example.question} for example in known])
    figures = ranking(_ranks(ask, known))
    recall = [_holds(one, example) for one, example in zip(told, known, strict=True)]
    given = [one for one in told if not one["abstained"]]
    figures.append(mean("answer recall", recall))
    answered = [right for right, one in zip(recall, told, strict=True) if not one["abstained"]]
    figures.append(mean("answer recall of those answered", answered))
    figures.append(mean("characters of an answer", [len(one["answer"]) for one in given]))
    figures.append(mean("citation precision", list(_cited(told, known))))
    figures.append(mean("answered", [not one["abstained"] for one in told]))
    others = [example for example in examples if not example.answerable]
    return figures + (abstention(told, ask([{"question": one.question} for one in others])) if others else [])


def of_profile(
    profile: Profile, evaluation: Evaluation, beside: Sequence[Profile] = ()
) -> Iterator[tuple[str, list[Figure]]]:
    """Table after table, by name, of ``profile`` over the paragraphs of ``evaluation``.

    The retrieval of each profile ``beside`` is told for comparison; one that cannot be used here is told without
    figures.
    """
    examples = [example for example in evaluation.examples if example.answerable]
    with tempfile.TemporaryDirectory(prefix="multichain-quality-") as folder:
        index, ask = _built(profile, evaluation.paragraphs, Path(folder) / "all")
        yield "all paragraphs in one index", of_answers(ask, examples)
        least = _least_overlap(index.lexical, examples)
        yield "the quarter with least words in common", ranking(_ranks(ask, least))
        random = Random(1)  # noqa: S311 - the same errors every time
        typed = [Example(_mistyped(e.question, random), e.answers, e.source, e.context) for e in examples]
        yield "with typing errors", ranking(_ranks(ask, typed))
        yield (
            "for comparison, words alone",
            ranking(_plain(examples, index, lambda text: index.lexical.scores(text)[0])),
        )
        yield (
            "for comparison, letters alone",
            ranking(_plain(examples, index, lambda text: index.lexical.scores(text)[1])),
        )
        yield "for comparison, vectors alone", ranking(_plain(examples, index, _cosines(profile, index)))
        for other in beside:
            yield _beside(other, evaluation, examples, Path(folder) / other.name)
        yield "questions whose article is not indexed", _off_topic(profile, evaluation, Path(folder))
        yield "questions whose paragraph is taken out", _near_misses(profile, evaluation, Path(folder))


def _beside(
    profile: Profile, evaluation: Evaluation, examples: Sequence[Example], folder: Path
) -> tuple[str, list[Figure]]:
    """Its whole search, by vectors and words."""
    try:
        validate_profile(profile)
        _, ask = _built(profile, evaluation.paragraphs, folder)
    except MultichainError as error:
        return f"for comparison, {profile.name}, is left out: {error}", []
    return f"for comparison, the search of {profile.name}", ranking(_ranks(ask, examples))


def _built(profile: Profile, paragraphs: dict[str, str], folder: Path) -> tuple[Index, Ask]:
    """An index of ``paragraphs``, and the profile's stage ``qa`` over it."""
    for source, text in paragraphs.items():
        (folder / "texts" / source).parent.mkdir(parents=True, exist_ok=True)
        (folder / "texts" / source).write_text(text, "utf-8")
    made = build(profile, [folder / "texts"], folder / "index", lambda _done, _total: None)
    index = Index.open(made.folder)
    pipeline = profile.make_pipeline(profile.make_retriever(index))

    def ask(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [response["qa"] for response in pipeline.answer_requests([Request({"qa": one}) for one in requests])]

    return index, ask


def _off_topic(profile: Profile, evaluation: Evaluation, folder: Path) -> list[Figure]:
    """Half of the articles indexed, the questions of all asked; then the other half."""
    there: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    articles = list(dict.fromkeys(example.article for example in evaluation.examples))
    for half in (0, 1):
        inside = set(articles[half::2])
        kept = {e.source for e in evaluation.examples if e.article in inside}
        paragraphs = {source: text for source, text in evaluation.paragraphs.items() if source in kept}
        _, ask = _built(profile, paragraphs, folder / f"half{half}")
        told = ask([{"question": example.question} for example in evaluation.examples])
        for one, example in zip(told, evaluation.examples, strict=True):
            (there if example.article in inside else gone).append(one)
    return abstention(there, gone)


def _near_misses(profile: Profile, evaluation: Evaluation, folder: Path) -> list[Figure]:
    """One paragraph of each article taken out, its questions and all others asked; then the next one."""
    there: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    numbers = {source: n for n, source in enumerate(evaluation.paragraphs)}
    rounds = min(5, len(numbers))
    for out in range(rounds):
        paragraphs = {source: text for source, text in evaluation.paragraphs.items() if numbers[source] % rounds != out}
        _, ask = _built(profile, paragraphs, folder / f"out{out}")
        told = ask([{"question": example.question} for example in evaluation.examples])
        for one, example in zip(told, evaluation.examples, strict=True):
            (there if example.source in paragraphs else gone).append(one)
    return abstention(there, gone)


def abstention(there: Sequence[dict[str, Any]], gone: Sequence[dict[str, Any]]) -> list[Figure]:
    """How well answers to questions that have one are parted from those that have none."""
    answered = [[float(not one["abstained"]) for one in told] for told in (there, gone)]
    support = [[one["support"] for one in told] for told in (there, gone)]
    return [
        parted("abstention, balanced accuracy", balanced, *answered),
        parted("abstention, AUROC", auroc, *support),
        mean("answered where it is there", answered[0]),
        mean("refused where it is not", [1 - one for one in answered[1]]),
    ]


def _ranks(ask: Ask, examples: Sequence[Example]) -> list[int | None]:
    told = ask([{"question": example.question, "k": DEEP} for example in examples])
    return [_rank(one["sources"], example) for one, example in zip(told, examples, strict=True)]


def _rank(sources: Sequence[dict[str, Any]], example: Example) -> int | None:
    return next((place for place, source in enumerate(sources, 1) if example.found_in(source)), None)


def _plain(examples: Sequence[Example], index: Index, scores: Callable[[str], Any]) -> list[int | None]:
    """Ranks by one score alone."""
    ranks = []
    for example in examples:
        best = np.argsort(-scores(example.question), kind="stable")[:DEEP]
        ranks.append(_rank([{"source": index.chunks[n].source, "text": index.chunks[n].text} for n in best], example))
    return ranks


def _parts(profile: Profile, index: Index) -> dict[str, Callable[[str], Any]]:
    """What the search is made of, each as scores of all chunks."""
    return {
        "words": lambda text: index.lexical.scores(text)[0],
        "letters": lambda text: index.lexical.scores(text)[1],
        "vectors": _cosines(profile, index),
    }


def _cosines(profile: Profile, index: Index) -> Callable[[str], Any]:
    from model.runtime.event_loop import Engine

    embedder, engine = profile.make_embedder(index=index), Engine()

    def scores(text: str) -> Any:  # an array
        vector = engine.run(embedder.embed([text], question=True))[0]
        found = index.search(vector, len(index.chunks))
        return np.array([found.get(position, -1.0) for position in range(len(index.chunks))])

    return scores


def _holds(told: dict[str, Any], example: Example) -> bool:
    return any(answer.lower() in told["answer"].lower() for answer in example.answers)


def _cited(told: Sequence[dict[str, Any]], examples: Sequence[Example]) -> Iterator[float]:
    """Of each source that an answer cites, whether it is what the question is about."""
    for one, example in zip(told, examples, strict=True):
        yield from (float(example.found_in(source)) for source in one["sources"] if source["cited"])


def _least_overlap(lexical: Lexical, examples: Sequence[Example]) -> list[Example]:
    """The quarter whose paragraphs hold the smallest part of the question's telling words."""

    def share(example: Example) -> float:
        weights = lexical.weights(example.question)
        there = weights.keys() & set(lexical.stems(example.context))
        return sum(weights[stem] for stem in there) / (sum(weights.values()) or 1.0)

    return sorted(examples, key=share)[: len(examples) // 4]


def _mistyped(question: str, random: Random) -> str:
    """Two letters swapped in one or two of its longer words."""
    words = question.split()
    long = [n for n, word in enumerate(words) if len(word) >= _SHORTEST and word.isalpha()]
    for n in random.sample(long, min(len(long), random.choice([1, 2]))):
        place = random.randrange(1, len(words[n]) - 2)
        words[n] = words[n][:place] + words[n][place + 1] + words[n][place] + words[n][place + 2 :]
    return " ".join(words)
