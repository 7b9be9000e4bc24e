"""How much of a question a passage must hold before it counts as an answer: fitted to the corpus at every build.

Questions are made from the corpus itself: some telling words of a sentence, and others that its chunk does not have,
as people ask in part in words of their own. With its chunk such a question can be answered; with its chunk taken
out it cannot. The threshold parts the two best. So it follows the corpus: in three texts a word says more than in
ten thousand, where much of any question stands somewhere.
"""

from collections.abc import Sequence
from random import Random

import numpy as np
import numpy.typing as npt

from model.passages import Chunk
from model.retrieval.local.hybrid import measure_support
from model.retrieval.local.lexical import Lexical
from model.text_analysis import split_sentences, split_words

_QUESTIONS = 400
_MEAN_WORDS, _WORDS_DEVIATION, _MIN_WORDS = 6, 1.5, 3
"""Telling words of a question: mean, deviation, and the fewest."""
_OTHER_SHARE = (0.15, 0.45)
"""The share of a question's words that are its asker's own: anything between these."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

SupportArray = npt.NDArray[np.float64]


def calibrate_threshold(chunks: Sequence[Chunk], lexical: Lexical) -> dict[str, float]:
    """The ``threshold``, and the shares of questions ``answered`` and ``refused`` rightly with it, as far as asked."""
    supports = _measure_supports(chunks, lexical)
    if not len(supports):
        return {"threshold": 0.0, "answered": 1.0, "refused": 0.0}
    with_chunk, without_chunk = supports.T
    threshold = find_threshold(with_chunk, without_chunk)
    answered, refused = float((with_chunk >= threshold).mean()), float((without_chunk < threshold).mean())
    return {"threshold": round(threshold, 4), "answered": round(answered, 4), "refused": round(refused, 4)}


def find_threshold(with_chunk: SupportArray, without_chunk: SupportArray) -> float:
    """The value that parts both best, by the mean of the shares on the right sides; the middle one of those that do."""
    values = np.unique(np.concatenate([with_chunk, without_chunk]))
    middles = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2])
    balanced_shares = [(with_chunk >= value).mean() + (without_chunk < value).mean() for value in middles]
    best = np.flatnonzero(np.isclose(balanced_shares, max(balanced_shares)))
    return float(middles[best[len(best) // 2]])


def _measure_supports(chunks: Sequence[Chunk], lexical: Lexical) -> SupportArray:
    """For each question, how much the best chunk holds of it: with its own chunk, and without; shape (questions, 2)."""
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
    """Words of one sentence of ``chunk``, and others; empty when the sentence says too little."""
    sentence_texts = [sentence.text for sentence in split_sentences(chunk.text)] or [chunk.text]
    content_words = [word for word in dict.fromkeys(split_words(random.choice(sentence_texts))) if lexical.stems(word)]
    if len(content_words) < _MIN_WORDS:
        return []
    length, share = max(_MIN_WORDS, round(random.gauss(_MEAN_WORDS, _WORDS_DEVIATION))), random.uniform(*_OTHER_SHARE)
    others = sum(random.random() < share for _ in range(length))
    own_words = random.sample(content_words, min(len(content_words), max(1, length - others)))
    return own_words + [_random_word(vocabulary, random) for _ in range(others)]


def _random_word(vocabulary: Sequence[str], random: Random) -> str:
    """A word of the corpus, or one that it does not have."""
    if random.random() < 0.5:  # noqa: PLR2004 - as often the one as the other
        return random.choice(vocabulary)
    return "".join(random.choice(_LETTERS) for _ in range(7))


def _find_overlapping(chunks: Sequence[Chunk], position: int) -> list[int]:
    """The chunk and its neighbours that have some of its text."""
    chunk = chunks[position]
    near = range(max(0, position - 2), min(len(chunks), position + 3))
    return [n for n in near if _overlaps(chunks[n], chunk)]


def _overlaps(first_chunk: Chunk, second_chunk: Chunk) -> bool:
    return (
        (first_chunk.source, first_chunk.page) == (second_chunk.source, second_chunk.page)
        and first_chunk.start < second_chunk.end
        and second_chunk.start < first_chunk.end
    )
