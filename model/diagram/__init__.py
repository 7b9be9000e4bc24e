"""Concept diagrams, drawn locally: text, or what a chat model wrote → graph → layout → PNG."""

import re
from collections.abc import Sequence

from ..errors import InvalidRequestError
from ..passages import Passage
from .from_text.concepts import diagram
from .from_text.prompt_parsing import style
from .graph import Diagram
from .render import render

__all__ = ["SIZE", "draw", "drawn", "pixels", "style"]

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
    return drawn(made, f"Drawn by multichain's offline diagram renderer from {origin}", size, sample)


def drawn(made: Diagram, caption: str, size: str = "", sample: int = 1) -> tuple[bytes, str]:
    """A PNG of a diagram, with ``caption`` below it, and its description in words. Raises InvalidRequestError."""
    return render(made, caption, pixels(size), sample).png(), made.in_words


def pixels(size: str) -> tuple[int, int]:
    """Width and height of a picture, of the usual one for "". Raises InvalidRequestError."""
    if not size:
        return SIZE
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size)
    asked = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(_LEAST <= side <= _MOST for side in asked):
        raise InvalidRequestError(f"size: expected WIDTHxHEIGHT, each from {_LEAST} to {_MOST}, such as 1536x864")
    return asked
