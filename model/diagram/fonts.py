"""Measure and wrap text in the fonts that come with the project."""

import itertools
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import ImageFont, features

from ..errors import StageFailedError

LEADING = 1.25
"""Height of a line in sizes of its font."""

_FONTS = Path(__file__).parent.parent / "fonts"
_PICTOGRAPHS = 0x1F000
_MAX_LINES = 6
_MAX_WORD = 24
_SCRIPTS = (
    ((0x0530, 0x058F), "NotoSansArmenian"),
    ((0x0590, 0x05FF), "NotoSansHebrew"),
    ((0x0600, 0x06FF), "NotoSansArabic"),
    ((0x0750, 0x077F), "NotoSansArabic"),
    ((0x0900, 0x097F), "NotoSansDevanagari"),
    ((0x0980, 0x09FF), "NotoSansBengali"),
    ((0x0B80, 0x0BFF), "NotoSansTamil"),
    ((0x0E00, 0x0E7F), "NotoSansThai"),
    ((0x10A0, 0x10FF), "NotoSansGeorgian"),
    ((0x1100, 0x11FF), "DroidSansFallback"),
    ((0x2E80, 0x9FFF), "DroidSansFallback"),
    ((0xAC00, 0xD7AF), "DroidSansFallback"),
    ((0xF900, 0xFAFF), "DroidSansFallback"),
    ((0xFF00, 0xFFEF), "DroidSansFallback"),
)
"""Unicode blocks and the fonts that cover them; Noto Sans covers Latin, Greek and Cyrillic."""
_LATIN = "NotoSans"
_SHAPED_FONTS = {"NotoSansHebrew", "NotoSansArabic", "NotoSansDevanagari", "NotoSansBengali", "NotoSansTamil"}
"""Fonts of scripts whose letters change shape or order, for which Pillow needs libfribidi."""


@cache
def load_font(pixels: int, *, bold: bool, name: str = _LATIN) -> ImageFont.FreeTypeFont:
    """Return a font in a size of ``pixels``."""
    weight = "-Bold" if bold and name == _LATIN else "-Regular" if name.startswith("Noto") else ""
    return ImageFont.truetype(_FONTS / f"{name}{weight}.ttf", max(pixels, 1))


def split_by_font(text: str) -> list[tuple[str, str]]:
    """Split ``text`` into pieces that one font covers, from left to right as they are drawn.

    Returns:
        Pieces, each with the name of its font.

    Raises:
        StageFailedError: The script needs a library that is missing.
    """
    segments = [
        ("".join(letter for letter, _ in run), name)
        for name, run in itertools.groupby(_fonts_of_letters(text), _font_name)
    ]
    if {name for _, name in segments} & _SHAPED_FONTS and not features.check("raqm"):
        raise StageFailedError("this script cannot be drawn without the library libfribidi; install it (libfribidi0)")
    right_to_left = next(
        (unicodedata.bidirectional(letter) in {"R", "AL"} for letter in text if letter.isalpha()), False
    )
    return segments[::-1] if right_to_left else segments


def measure_width(text: str, points: float, *, bold: bool) -> float:
    """Return the width of a line of text in pixels."""
    return sum(load_font(100, bold=bold, name=name).getlength(run) for run, name in split_by_font(text)) * points / 100


def wrap_text(text: str, max_columns: int) -> list[str]:
    """Wrap ``text`` into at most six lines of about ``max_columns`` characters.

    A very long word is cut; text that is left out is shown as ….
    """
    lines = [""]
    for word in itertools.chain.from_iterable(_split_word(word, max_columns) for word in text.split()):
        if lines[-1] and _count_columns(lines[-1]) + 1 + _count_columns(word) > max_columns:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) <= _MAX_LINES else [*lines[: _MAX_LINES - 1], lines[_MAX_LINES - 1] + "…"]


def is_mostly_non_latin(text: str) -> bool:
    """Return whether most letters of ``text`` are not Latin."""
    letters = [letter for letter in text if letter.isalpha()]
    return 2 * sum("LATIN" not in unicodedata.name(letter, "") for letter in letters) > len(letters)


def _fonts_of_letters(text: str) -> Iterator[tuple[str, str]]:
    """Yield each character with its font; a space or mark stays with the letter before it, if that has another font."""
    name = _LATIN
    for letter in filter(_is_drawable, text):
        letter_font = next((font for (start, end), font in _SCRIPTS if start <= ord(letter) <= end), _LATIN)
        if letter != " " or name == "DroidSansFallback":
            name = letter_font
        yield letter, name


def _is_drawable(letter: str) -> bool:
    """Return whether a font here covers ``letter``: pictographs and their variation selectors are left out."""
    return ord(letter) < _PICTOGRAPHS and not "\ufe00" <= letter <= "\ufe0f"


def _font_name(pair: tuple[str, str]) -> str:
    return pair[1]


def _count_columns(text: str) -> int:
    """Return the width of ``text`` in letters; those of East Asia count twice."""
    return sum(2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1 for letter in text)


def _split_word(word: str, max_columns: int) -> list[str]:
    longest = _MAX_WORD if _count_columns(word) == len(word) else max_columns // 2
    return [word[start : start + longest] for start in range(0, len(word), longest)]
