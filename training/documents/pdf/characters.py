"""Read the characters of a PDF page as words with their places, by PDFium.

Places are in points of the reading direction: ``left`` and ``right`` grow along a line, ``base`` grows downwards.
"""

import ctypes
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pypdfium2.raw as pdfium

MAX_CHARACTERS = 1_000_000
"""Largest number of characters that are read from one page."""
_WORD_GAP = 0.15
"""Gap between two words, as a part of the font size. The narrowest spaces of justified text are wider."""
_SPACE_PART = 1 / 3
"""Gap between two words with a space in the content between them, as a part of the gap without it."""
_BASE_SHIFT = 0.35
"""Largest distance of a character from the base line of its row, as a part of the font size: an index or exponent."""
_BOLD_WEIGHT, _FORCE_BOLD = 600, 1 << 18
_LINE_HYPHENS = {0x02: "-", 0xFFFE: "-", 0xAD: "-"}
"""Codes that PDFium puts for a hyphen at the end of a line, and the soft hyphen."""
_LIGATURES = dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True))
_REPLACED = _LINE_HYPHENS | _LIGATURES
_PRIVATE_USE = frozenset((*range(0x80, 0xA0), *range(0xE000, 0xF900)))
"""Codes without a meaning of their own. Symbol fonts put bullets there."""


@dataclass(frozen=True, slots=True)
class Style:
    """Size, weight and direction that the characters of one text object share."""

    size: float
    bold: bool
    turns: int


@dataclass(frozen=True, slots=True)
class Word:
    """Characters without a gap between them."""

    text: str
    left: float
    right: float
    base: float
    style: Style

    @property
    def size(self) -> float:
        """Return the font size in points."""
        return self.style.size

    @property
    def middle(self) -> float:
        """Return the middle of the word along the line."""
        return (self.left + self.right) / 2


def turn_point(x: float, y: float, turns: int) -> tuple[float, float]:
    """Return a point of the page in the reading direction of text that is turned by quarter turns."""
    return ((x, -y), (y, x), (-x, y), (-y, -x))[turns]


def read_words(page: Any) -> dict[int, list[Word]]:
    """Return the words of a page in the order of its content, by the quarter turns of their direction."""
    text_page = pdfium.FPDFText_LoadPage(page)
    if not text_page:
        return {}
    try:
        words: dict[int, list[Word]] = {}
        for word in _join_glyphs(_read_glyphs(text_page)):
            words.setdefault(word.style.turns, []).append(word)
        return words
    finally:
        pdfium.FPDFText_ClosePage(text_page)


_Glyph = tuple[str, float, float, float, Style, bool]
"""Text, left, right and base of one character, its style, and whether a space stands before it."""


def _read_glyphs(text_page: Any) -> Iterator[_Glyph]:
    """Yield the visible characters.

    A call to PDFium takes longer than all else that is done for a character, so the style and the base line are only
    asked for where a word begins or the height of the characters changes. The calls are bound to names likewise.
    """
    box = pdfium.FS_RECTF()
    box_pointer, get_box = ctypes.byref(box), pdfium.FPDFText_GetLooseCharBox
    styles: dict[int | None, Style] = {}
    style, base, bottom, top, begins = Style(1.0, bold=False, turns=0), 0.0, math.nan, math.nan, True
    for index, character in enumerate(_read_codes(text_page)):
        if character.isspace() or character == "\0" or not get_box(text_page, index, box_pointer):
            begins = True
            continue
        low, high = box.bottom, box.top
        if begins or low != bottom or high != top:
            style = _find_style(text_page, index, styles)
            if low != bottom or high != top:
                base, bottom, top = _find_base(text_page, index, style.turns), low, high
        if style.turns == 0:
            yield character, box.left, box.right, base, style, begins
        else:
            yield _turn_glyph(character, (box.left, low, box.right, high), base, style, begins=begins)
        begins = False


def _read_codes(text_page: Any) -> list[str]:
    """Return the text of each character, for most pages by one call."""
    count = min(pdfium.FPDFText_CountChars(text_page), MAX_CHARACTERS)
    buffer = ctypes.create_string_buffer(2 * count + 2)
    written = pdfium.FPDFText_GetText(text_page, 0, count, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)))
    text = buffer.raw[: 2 * count].decode("utf-16-le", "replace")
    if written != count + 1 or len(text) != count:  # PDFium leaves out characters, or some take two units
        return [_read_code(pdfium.FPDFText_GetUnicode(text_page, index)) for index in range(count)]
    return list(text) if text.isascii() and "\2" not in text else [_read_code(ord(character)) for character in text]


def _read_code(code: int) -> str:
    """Return the text of a character's code, without ligatures and without PDFium's own codes."""
    return _REPLACED.get(code) or chr(code)


def _find_style(text_page: Any, index: int, styles: dict[int | None, Style]) -> Style:
    """Return the style of a character, which is read once for each text object."""
    address = ctypes.cast(pdfium.FPDFText_GetTextObject(text_page, index), ctypes.c_void_p).value
    style = styles.get(address)
    if style is None:
        style = styles[address] = _read_style(text_page, index)
    return style


def _find_base(text_page: Any, index: int, turns: int) -> float:
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(text_page, index, ctypes.byref(x), ctypes.byref(y))
    return turn_point(x.value, y.value, turns)[1]


def _turn_glyph(
    character: str, box: tuple[float, float, float, float], base: float, style: Style, *, begins: bool
) -> _Glyph:
    start, _ = turn_point(box[0], box[1], style.turns)
    end, _ = turn_point(box[2], box[3], style.turns)
    return character, min(start, end), max(start, end), base, style, begins


def _read_style(text_page: Any, index: int) -> Style:
    matrix = pdfium.FS_MATRIX()
    size, turns = float(pdfium.FPDFText_GetFontSize(text_page, index)), 0
    if pdfium.FPDFText_GetMatrix(text_page, index, ctypes.byref(matrix)):
        size *= math.hypot(matrix.c, matrix.d)
        turns = round(math.atan2(matrix.b, matrix.a) / (math.pi / 2)) % 4
    return Style(round(size, 1) or 1.0, _is_bold(text_page, index), turns)


def _is_bold(text_page: Any, index: int) -> bool:
    name, flags = ctypes.create_string_buffer(256), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text_page, index, name, 256, ctypes.byref(flags))
    has_weight = pdfium.FPDFText_GetFontWeight(text_page, index) >= _BOLD_WEIGHT
    return has_weight or bool(flags.value & _FORCE_BOLD) or b"bold" in name.value.lower() or b"CMBX" in name.value


def _join_glyphs(glyphs: Iterable[_Glyph]) -> Iterator[Word]:
    """Yield words: characters that follow each other in the content without a gap."""
    text, left, right, base, style = "", 0.0, 0.0, 0.0, Style(1.0, bold=False, turns=0)
    last_start, overlap, gap = -math.inf, 0.0, 0.0
    for character, start, end, line, own, begins in glyphs:
        # the letters of a ligature all have its box
        touches = overlap < start - right < (gap * _SPACE_PART if begins else gap) or start == last_start
        last_start = start
        if text and touches and (line == base or abs(line - base) < gap / _WORD_GAP * _BASE_SHIFT):
            text += character
            right = max(right, end)
            continue
        if text:
            yield Word(text, left, right, base, style)
        text, left, right, base, style = character, start, end, line, own
        overlap, gap = -0.5 * style.size, _WORD_GAP * style.size
    if text:
        yield Word(text, left, right, base, style)


def group_rows(words: Iterable[Word]) -> list[list[Word]]:
    """Return the rows of words on one base line, from the top down, each from left to right."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.base):
        if rows and word.base - rows[-1][0].base <= _BASE_SHIFT * max(word.size, rows[-1][0].size):
            rows[-1].append(word)
        else:
            rows.append([word])
    return [_merge_touching(sorted(row, key=lambda word: word.left)) for row in rows]


def _merge_touching(row: list[Word]) -> list[Word]:
    """Return the words of a row. Parts of a word that were drawn at different times become one."""
    parts = [[row[0]]]
    for previous, word in pairwise(row):
        if -0.5 * word.size < word.left - previous.right < _WORD_GAP * _SPACE_PART * word.size:
            parts[-1].append(word)
        else:
            parts.append([word])
    return row if len(parts) == len(row) else [merge_words(part) for part in parts]


def merge_words(words: list[Word], separator: str = "") -> Word:
    """Return the words of a line as one, in the style of most of its characters."""
    main = words[0]
    if len(words) == 1:
        return main
    if any(word.style is not main.style for word in words):
        sizes: Counter[Style] = Counter()
        for word in words:
            sizes[word.style] += len(word.text)
        style = sizes.most_common(1)[0][0]
        main = next(word for word in words if word.style == style)
    text = separator.join([word.text for word in words])
    return Word(text, words[0].left, max([word.right for word in words]), main.base, main.style)


def is_private_use(text: str) -> bool:
    """Return whether a text is one character without a meaning outside of its font."""
    return len(text) == 1 and ord(text) in _PRIVATE_USE
