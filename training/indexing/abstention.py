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
_LENGTH, _SPREAD, _FEWEST = 6, 1.5, 3
"""Telling words of a question: mean, deviation, and the fewest."""
_OTHER = (0.15, 0.45)
"""The share of a question's words that are its asker's own: anything between these."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Shares = npt.NDArray[np.float64]


def calibrated(chunks: Sequence[Chunk], lexical: Lexical) -> dict[str, float]:
    """The ``threshold``, and the shares of questions ``answered`` and ``refused`` rightly with it, as far as asked."""
    asked = _asked(chunks, lexical)
    if not len(asked):
        return {"threshold": 0.0, "answered": 1.0, "refused": 0.0}
    there, gone = asked.T
    threshold = parting(there, gone)
    answered, refused = float((there >= threshold).mean()), float((gone < threshold).mean())
    return {"threshold": round(threshold, 4), "answered": round(answered, 4), "refused": round(refused, 4)}


def parting(there: Shares, gone: Shares) -> float:
    """The value that parts both best, by the mean of the shares on the right sides; the middle one of those that do."""
    tried = np.unique(np.concatenate([there, gone]))
    middles = np.concatenate([tried[:1], (tried[1:] + tried[:-1]) / 2])
    right = [(there >= value).mean() + (gone < value).mean() for value in middles]
    best = np.flatnonzero(np.isclose(right, max(right)))
    return float(middles[best[len(best) // 2]])


def _asked(chunks: Sequence[Chunk], lexical: Lexical) -> Shares:
    """For each question, how much the best chunk holds of it: with its own chunk, and without; shape (questions, 2)."""
    random = Random(0)  # noqa: S311 - the same corpus gives the same threshold
    known = sorted({word for chunk in chunks[:: max(1, len(chunks) // 500)] for word in split_words(chunk.text)})
    found = []
    for number in range(_QUESTIONS):
        position = random.randrange(len(chunks)) if len(chunks) > _QUESTIONS else number % len(chunks)
        question = _question(chunks[position], known, lexical, random)
        if question:
            support = measure_support(*lexical.scores(" ".join(question)))
            own = _overlapping(chunks, position)
            found.append((float(support[own].max()), float(np.delete(support, own).max(initial=0.0))))
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _question(chunk: Chunk, known: Sequence[str], lexical: Lexical, random: Random) -> list[str]:
    """Words of one sentence of ``chunk``, and others; empty when the sentence says too little."""
    told = [sentence.text for sentence in split_sentences(chunk.text)] or [chunk.text]
    telling = [word for word in dict.fromkeys(split_words(random.choice(told))) if lexical.stems(word)]
    if len(telling) < _FEWEST:
        return []
    length, share = max(_FEWEST, round(random.gauss(_LENGTH, _SPREAD))), random.uniform(*_OTHER)
    others = sum(random.random() < share for _ in range(length))
    kept = random.sample(telling, min(len(telling), max(1, length - others)))
    return kept + [_other(known, random) for _ in range(others)]


def _other(known: Sequence[str], random: Random) -> str:
    """A word of the corpus, or one that it does not have."""
    if random.random() < 0.5:  # noqa: PLR2004 - as often the one as the other
        return random.choice(known)
    return "".join(random.choice(_LETTERS) for _ in range(7))


def _overlapping(chunks: Sequence[Chunk], position: int) -> list[int]:
    """The chunk and its neighbours that have some of its text."""
    own = chunks[position]
    near = range(max(0, position - 2), min(len(chunks), position + 3))
    return [n for n in near if _shares(chunks[n], own)]


def _shares(one: Chunk, other: Chunk) -> bool:
    return (one.source, one.page) == (other.source, other.page) and one.start < other.end and other.start < one.end
