"""How large a text is, and where its lines break, in the font that comes with the project."""

import itertools
from functools import cache
from pathlib import Path

from PIL import ImageFont

LEADING = 1.25
"""The height of a line, in sizes of its font."""

_FONTS = Path(__file__).parent.parent / "fonts"
_MOST_LINES = 3
_LONGEST_WORD = 24


@cache
def font(pixels: int, *, bold: bool) -> ImageFont.FreeTypeFont:
    """The font in that size."""
    return ImageFont.truetype(_FONTS / ("NotoSans-Bold.ttf" if bold else "NotoSans-Regular.ttf"), max(pixels, 1))


def length(text: str, points: float, *, bold: bool) -> float:
    """The width of a line of text, in pixels."""
    return font(100, bold=bold).getlength(text) * points / 100


def wrapped(text: str, most: int) -> list[str]:
    """At most three lines of about ``most`` characters; a very long word is cut, and what is left out shown as …."""
    lines = [""]
    for word in itertools.chain.from_iterable(map(_pieces, text.split())):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + "…"]


def _pieces(word: str) -> list[str]:
    return [word[start : start + _LONGEST_WORD] for start in range(0, len(word), _LONGEST_WORD)]
