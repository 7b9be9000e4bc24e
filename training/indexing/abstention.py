"""Fit the threshold of abstaining to the corpus at every build: the least support that counts as an answer.

Questions are made from the corpus: some content words of a sentence, and other words that stand for an asker's own
wording. The corpus can answer such a question with its chunk, and cannot without that chunk. The threshold separates
the two cases best. A fixed threshold would not do: in three texts one matching word tells more than in ten thousand,
where most words of any question occur somewhere.
"""

from collections.abc import Sequence
from random import Random

import numpy as np
import numpy.typing as npt

from model.excerpts import split_excerpts
from model.passages import Chunk
from model.retrieval.local.hybrid import measure_support
from model.retrieval.local.lexical import Lexical
from model.text_analysis import split_words

_QUESTIONS = 400
_MEAN_WORDS, _WORDS_DEVIATION, _MIN_WORDS = 6, 1.5, 3
"""Words of a question: mean, standard deviation and minimum."""
_OTHER_SHARE = (0.15, 0.45)
"""Range of the share of a question's words that do not come from its sentence."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

SupportArray = npt.NDArray[np.float64]


def calibrate_threshold(chunks: Sequence[Chunk], lexical: Lexical) -> dict[str, float]:
    """Fit the threshold of support below which the stage ``qa`` abstains.

    Args:
        chunks: The chunks of all documents.
        lexical: The words and n-grams of these chunks.

    Returns:
        ``threshold``, from 0 to 1; ``answered``, the share of generated questions whose support with their chunk
        reaches the threshold; and ``refused``, the share whose support without the chunk stays below. The values are
        0, 1 and 0 when no question could be generated.
    """
    supports = _measure_supports(chunks, lexical)
    if not len(supports):
        return {"threshold": 0.0, "answered": 1.0, "refused": 0.0}
    with_chunk, without_chunk = supports.T
    threshold = find_threshold(with_chunk, without_chunk)
    answered, refused = float((with_chunk >= threshold).mean()), float((without_chunk < threshold).mean())
    return {"threshold": round(threshold, 4), "answered": round(answered, 4), "refused": round(refused, 4)}


def find_threshold(with_chunk: SupportArray, without_chunk: SupportArray) -> float:
    """Return the value that separates two samples best: the one with the highest balanced accuracy.

    Args:
        with_chunk: Support of each question with its chunk; shape (questions,). At or above the threshold is right.
        without_chunk: Support without the chunk; shape (questions,). Below the threshold is right.

    Returns:
        The threshold; the middle one where several are equally good.
    """
    values = np.unique(np.concatenate([with_chunk, without_chunk]))
    middles = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2])
    balanced_shares = [(with_chunk >= value).mean() + (without_chunk < value).mean() for value in middles]
    best = np.flatnonzero(np.isclose(balanced_shares, max(balanced_shares)))
    return float(middles[best[len(best) // 2]])


def _measure_supports(chunks: Sequence[Chunk], lexical: Lexical) -> SupportArray:
    """Return each question's highest support, with its chunk and without; shape (questions, 2)."""
    random = Random(0)  # noqa: S311 - the same corpus gives the same threshold
    vocabulary = sorted({word for chunk in chunks[:: max(1, len(chunks) // 500)] for word in split_words(chunk.text)})
    pairs = []
    for number in range(_QUESTIONS):
        position = random.randrange(len(chunks)) if len(chunks) > _QUESTIONS else number % len(chunks)
        question = _make_question(chunks[position], vocabulary, lexical, random)
        if question:
            support = measure_support(*lexical.scores(" ".join(question)))
            overlapping = _find_overlapping(chunks, position)
            pairs.append((float(support[overlapping].max()), float(np.delete(support, overlapping).max(initial=0.0))))
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def _make_question(chunk: Chunk, vocabulary: Sequence[str], lexical: Lexical, random: Random) -> list[str]:
    """Return words of one sentence of ``chunk`` with other words; empty when the sentence has too few words."""
    sentence_texts = [excerpt.text for excerpt in split_excerpts(chunk)] or [chunk.text]
    content_words = [word for word in dict.fromkeys(split_words(random.choice(sentence_texts))) if lexical.stems(word)]
    if len(content_words) < _MIN_WORDS:
        return []
    length, share = max(_MIN_WORDS, round(random.gauss(_MEAN_WORDS, _WORDS_DEVIATION))), random.uniform(*_OTHER_SHARE)
    others = sum(random.random() < share for _ in range(length))
    sentence_words = random.sample(content_words, min(len(content_words), max(1, length - others)))
    return sentence_words + [_random_word(vocabulary, random) for _ in range(others)]


def _random_word(vocabulary: Sequence[str], random: Random) -> str:
    """Return a word of the corpus or a random string of letters, each half of the time."""
    if random.random() < 0.5:  # noqa: PLR2004 - a fair coin
        return random.choice(vocabulary)
    return "".join(random.choice(_LETTERS) for _ in range(7))


def _find_overlapping(chunks: Sequence[Chunk], position: int) -> list[int]:
    """Return the positions of a chunk and of its neighbours that share text with it."""
    chunk = chunks[position]
    near = range(max(0, position - 2), min(len(chunks), position + 3))
    return [n for n in near if _overlaps(chunks[n], chunk)]


def _overlaps(first_chunk: Chunk, second_chunk: Chunk) -> bool:
    return (
        (first_chunk.source, first_chunk.page) == (second_chunk.source, second_chunk.page)
        and first_chunk.start < second_chunk.end
        and second_chunk.start < first_chunk.end
    )
