"""Two scores for the same chunks, made one.

Both are absolute (a share of what the question could score, and a cosine), so a fused score means the same for
every question, and for one row as for a thousand. Measured against min-max fusion in docs/decisions.md.
"""

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

LEXICAL_WEIGHT = 0.6


def fuse(lexical: Scores, cosine: Scores) -> Scores:
    """The weighted sum of both; shapes (n,), larger is nearer, at most 1."""
    return np.asarray(LEXICAL_WEIGHT * lexical + (1 - LEXICAL_WEIGHT) * cosine, dtype=np.float32)
