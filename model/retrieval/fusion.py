"""Three scores for the same chunks, made one: by words, by letters, and by meaning.

All are absolute (shares of what the question could score, and a cosine), so a fused score means the same for every
question. How much meaning counts depends on the question: where the best chunk holds little of its words, words
tell little. Measured in docs/decisions.md.
"""

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

FITTED = (0.15, 0.6)
"""Least and most weight of vectors that were fitted to the corpus, or hashed: their own search is the weaker one."""
SEMANTIC = (0.4, 0.6)
"""Those of an embedding model that has learned meaning elsewhere."""
_MUCH, _LITTLE = 0.35, 0.15


def fuse(by_words: Scores, by_letters: Scores, cosine: Scores, best: float, weights: tuple[float, float]) -> Scores:
    """The weighted sum; shapes (n,), larger is nearer, at most 1. ``best`` is the best chunk's score by words."""
    least, most = weights
    meaning = least + (most - least) * float(np.clip((_MUCH - best) / (_MUCH - _LITTLE), 0, 1))
    return np.asarray((1 - meaning) * supported(by_words, by_letters) + meaning * cosine, dtype=np.float32)


def supported(by_words: Scores, by_letters: Scores) -> Scores:
    """How much of the question each chunk holds, 0 to 1: half by words, half by letters."""
    return np.asarray((by_words + by_letters) / 2, dtype=np.float32)
