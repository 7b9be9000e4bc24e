"""Join the lines of a flow to headings, paragraphs and list items."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from model.blocks import ListItem

from .characters import is_private_use
from .items import Heading, Item, Paragraph, Table
from .lines import Line

_BULLETS = frozenset("•▪◦‣●○■□◆◇►▶✓∙⁃·–—-*")
_NUMBER_MARKER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivxlc]{1,5})[.)]")
_SENTENCE_END = re.compile(r"[.!?…:;][\"'”’»)\]]*$")
_WORD = re.compile(r"\w+(?:-\w+)*")
_BROKEN_WORD = re.compile(r"(\w+)-$")
_HEADING_SIZE = 1.1
"""Font size of a heading, as a multiple of the usual size."""
_MAX_HEADING, _MAX_BOLD_HEADING, _MAX_LEVEL = 200, 100, 6
_SAME_SIZE = 0.08
_PITCH_SLACK = 1.3
"""Distance of two lines of a paragraph, as a multiple of the usual distance in its flow."""
_MIN_PITCH, _MAX_PITCH = 1.35, 1.9
"""Bounds of the largest distance of two lines of a paragraph, as multiples of the font size."""
_INDENT = 0.8
_WIDE = 0x2E80
"""First of the characters that are written without spaces."""


@dataclass(frozen=True, slots=True)
class DocumentStyle:
    """What the pages of a document share.

    Attributes:
        size: Font size of most characters.
        bold: Whether most characters are bold.
        heading_sizes: Font sizes of headings, the largest first.
        vocabulary: Words of the document in lower case, with their hyphens.
    """

    size: float
    bold: bool
    heading_sizes: list[float]
    vocabulary: frozenset[str]


def measure_style(lines: Iterable[Line]) -> DocumentStyle:
    """Return the style of the lines of a document."""
    counts: Counter[tuple[float, bool]] = Counter()
    vocabulary: set[str] = set()
    for line in lines:
        counts[line.size, line.bold] += len(line.text)
        vocabulary.update(_WORD.findall(line.text.lower()))
    size, bold = counts.most_common(1)[0][0] if counts else (1.0, False)
    larger = sorted({line_size for line_size, _ in counts if line_size > _HEADING_SIZE * size}, reverse=True)
    return DocumentStyle(size, bold, larger, frozenset(vocabulary))


def join_texts(texts: Iterable[str], vocabulary: frozenset[str]) -> str:
    """Return lines of text as one. A word that is broken at the end of a line is whole.

    The hyphen stays if the document has the word with it elsewhere, but not without it.
    """
    joined = ""
    for text in texts:
        broken = _BROKEN_WORD.search(joined)
        if broken and text[:1].islower():
            begin, end = broken[1].lower(), _WORD.findall(text.lower())[0]
            is_compound = f"{begin}-{end}" in vocabulary and begin + end not in vocabulary
            joined = (joined if is_compound else joined[:-1]) + text
        elif broken or (joined and text and min(ord(joined[-1]), ord(text[0])) >= _WIDE):
            joined += text
        else:
            joined = f"{joined} {text}".strip()
    return joined


def build_items(flow: list[Line], style: DocumentStyle) -> Iterator[Item]:
    """Yield the items of a flow."""
    for group in _group_paragraphs(flow):
        if group[0].cells is not None:
            yield _make_table(group[0].cells, style.vocabulary)
        else:
            yield _make_item(group, style)


def _make_table(cells: list[list[str]], vocabulary: frozenset[str]) -> Table:
    rows = [[join_texts(cell.split("\n"), vocabulary) for cell in row] for row in cells]
    return Table(rows[0], rows[1:])


def _make_item(group: list[Line], style: DocumentStyle) -> Item:
    text = join_texts((line.text for line in group), style.vocabulary)
    level = _measure_level(group[0], text, style)
    if level:
        return Heading(text, level)
    marker = _read_marker(group[0])
    if marker:
        rest = text.split(" ", 1)[1]
        return ListItem(marker if marker[-1] in ".)" else "-", rest)
    return Paragraph(text)


def _measure_level(line: Line, text: str, style: DocumentStyle) -> int:
    """Return the level of a heading, 0 for other text."""
    is_larger = line.size > _HEADING_SIZE * style.size
    if not any(character.isalpha() for character in text):
        return 0
    if is_larger and len(text) <= _MAX_HEADING:
        return min(1 + sum(size > line.size for size in style.heading_sizes), _MAX_LEVEL)
    is_bold = _is_all_bold(line) and not style.bold and line.size >= (1 - _SAME_SIZE) * style.size
    if is_bold and len(text) <= _MAX_BOLD_HEADING and not _SENTENCE_END.search(text):
        return min(1 + len(style.heading_sizes), _MAX_LEVEL)
    return 0


def _is_all_bold(line: Line) -> bool:
    return all(word.style.bold for word in line.words)


def _read_marker(line: Line) -> str:
    """Return the marker with which a list item begins, an empty text for other lines."""
    first = line.words[0].text
    if len(line.words) == 1:
        return ""
    return first if first in _BULLETS or is_private_use(first) or _NUMBER_MARKER.fullmatch(first) else ""


def _group_paragraphs(flow: list[Line]) -> Iterator[list[Line]]:
    pitch = _measure_pitch(flow)
    right = max((line.right for line in flow), default=0.0)
    group: list[Line] = []
    for line in flow:
        if group and _begins_paragraph(group, line, pitch, right):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _measure_pitch(flow: list[Line]) -> float:
    """Return the usual distance of two lines, as a multiple of the font size."""
    pairs = pairwise(flow)
    pitches = [(below.base - above.base) / below.size for above, below in pairs]
    near = [pitch for pitch in pitches if 0 < pitch <= _MAX_PITCH]
    return median(near) if near else _MIN_PITCH


def _begins_paragraph(group: list[Line], line: Line, pitch: float, right: float) -> bool:
    previous = group[-1]
    if line.cells is not None or previous.cells is not None or _read_marker(line):
        return True
    limit = min(max(pitch * _PITCH_SLACK, _MIN_PITCH), _MAX_PITCH)
    is_apart = not 0 <= line.base - previous.base <= limit * max(line.size, previous.size)
    is_different = abs(line.size - previous.size) > _SAME_SIZE * previous.size
    if is_apart or is_different or _is_all_bold(line) != _is_all_bold(previous):
        return True
    return _has_left_item(group, line) or _has_ended(previous, line, right)


def _has_left_item(group: list[Line], line: Line) -> bool:
    """Return whether a line stands further left than the list item before it."""
    return bool(_read_marker(group[0])) and line.left < group[-1].left - _INDENT * line.size / 2


def _has_ended(previous: Line, line: Line, right: float) -> bool:
    """Return whether a paragraph has ended: the next word had room on its last line, or the next line is indented."""
    if line.text[0].islower() or not _SENTENCE_END.search(previous.text):
        return False
    has_indent = line.left > previous.left + _INDENT * line.size
    first = line.words[0]
    return has_indent or previous.right + (first.right - first.left) + line.size < right
