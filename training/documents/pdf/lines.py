"""Split the rows of a page into lines: pieces of text without a gap as wide as between columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from .characters import Word, group_rows, merge_words

COLUMN_GAP = 0.9
"""Gap between two columns, as a part of the font size. Spaces of justified text are narrower."""
_SPACED_PART = 0.7
"""Part of a line's words that are single characters from which on the line is letter-spaced text."""
_MIN_SPACED = 4
_SPACED_WORD_GAP = 1.5
"""Gap between two words of letter-spaced text, as a multiple of the gap between its letters."""
_SPACED_LETTER_GAP = 2.0
"""Largest gap between two letters of letter-spaced text, as a part of the font size."""
_MAX_MARKER = 4
"""Characters of the longest marker of a list item, such as ``iii.``."""


@dataclass(frozen=True, slots=True)
class Line:
    """Words on one base line that belong together.

    Attributes:
        words: Words from left to right.
        style: All the words as one, in the style of most of the characters.
        row: Number of the row on the page, from the top.
        cells: Rows of a table that takes the place of the line; None for text.
    """

    words: list[Word]
    style: Word
    row: int
    cells: list[list[str]] | None = None

    @property
    def text(self) -> str:
        """Return the words with one space between them."""
        return self.style.text

    @property
    def left(self) -> float:
        """Return the left end."""
        return self.style.left

    @property
    def right(self) -> float:
        """Return the right end."""
        return self.style.right

    @property
    def base(self) -> float:
        """Return the base line."""
        return self.style.base

    @property
    def size(self) -> float:
        """Return the font size of most of the characters."""
        return self.style.size

    @property
    def bold(self) -> bool:
        """Return whether most of the characters are bold."""
        return self.style.style.bold


def make_line(words: list[Word], row: int) -> Line:
    """Return a line of words."""
    return Line(words, merge_words(words, " "), row)


def split_lines(words: Iterable[Word]) -> list[Line]:
    """Return the lines of a page from the top down, those of one row from left to right."""
    lines: list[Line] = []
    for number, row in enumerate(group_rows(words)):
        pieces = [_join_letters(row)] if _is_letter_spaced(row) else _split_row(row)
        lines.extend(make_line(piece, number) for piece in pieces)
    return lines


def group_lines(lines: Iterable[Line]) -> list[list[Line]]:
    """Return lines that are sorted by row as rows."""
    rows: list[list[Line]] = []
    for line in lines:
        if rows and rows[-1][0].row == line.row:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def _split_row(row: list[Word]) -> list[list[Word]]:
    pieces = [[row[0]]]
    for previous, word in pairwise(row):
        if word.left - previous.right > COLUMN_GAP * min(previous.size, word.size) and not _is_marker(pieces[-1]):
            pieces.append([word])
        else:
            pieces[-1].append(word)
    return pieces


def _is_marker(piece: list[Word]) -> bool:
    """Return whether a piece is only the marker of a list item, which may stand far from its text."""
    text = piece[0].text
    return (
        len(piece) == 1 and len(text) <= _MAX_MARKER and (text[-1] in ".)" or not text.isalnum()) and text not in "-–—"
    )


def _is_letter_spaced(row: list[Word]) -> bool:
    letters = [word for word in row if len(word.text) == 1 and word.text.isalpha()]
    if len(letters) < max(_MIN_SPACED, _SPACED_PART * len(row)):
        return False
    gaps = [word.left - previous.right for previous, word in pairwise(row)]
    return median(gaps) < _SPACED_LETTER_GAP * row[0].size


def _join_letters(row: list[Word]) -> list[Word]:
    """Return the words of letter-spaced text, between which the gaps are wider than between letters."""
    gaps = [word.left - previous.right for previous, word in pairwise(row)]
    limit = median(gaps) * _SPACED_WORD_GAP
    pieces = [[row[0]]]
    for gap, word in zip(gaps, row[1:], strict=True):
        if gap > limit:
            pieces.append([word])
        else:
            pieces[-1].append(word)
    return [merge_words(piece) for piece in pieces]
