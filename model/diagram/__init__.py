"""Concept diagrams, drawn locally: text → graph → layout → PNG."""

import re
from collections.abc import Sequence

from ..errors import InvalidRequestError
from ..retrieval.chunks import Passage
from .concepts import diagram
from .drawing import render

SIZE = (1536, 864)
_LEAST, _MOST = 256, 3840


def draw(
    prompt: str, passages: Sequence[Passage], style: str = "", size: str = "", sample: int = 1
) -> tuple[bytes, str]:
    """A PNG of what ``prompt`` and the passages say, and its description in words.

    Raises InvalidRequestError for a size that is not one.
    """
    made = diagram(prompt, passages, style)
    origin = f"the prompt and {', '.join(made.sources)}" if made.sources else "the prompt alone"
    caption = f"Drawn by multichain's offline diagram renderer from {origin}"
    drawn = render(made, caption, _pixels(size) if size else SIZE, sample)
    return drawn.png({"Software": "multichain offline diagram renderer", "Description": made.in_words}), made.in_words


def _pixels(size: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size)
    pixels = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(_LEAST <= side <= _MOST for side in pixels):
        raise InvalidRequestError(f"size: expected WIDTHxHEIGHT, each from {_LEAST} to {_MOST}, such as 1536x864")
    return pixels
