"""Read the rules of a PDF page: the straight lines that stand between the cells of a table."""

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pypdfium2.raw as pdfium

from .characters import turn_point

MAX_SEGMENTS = 20_000
"""Largest number of path segments that are read from one page. Drawings and maps have more."""
_MAX_DEPTH = 5
_MAX_WIDTH = 3.0
"""Largest width of a rule in points. A wider rectangle is the background of a cell, whose edges are rules."""
_MIN_LENGTH = 4.0
_SLACK = 2.0
"""Distance in points over which rules still touch, and up to which they lie on one line."""

_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1, 0, 0, 1, 0, 0)
_Corner = tuple[float, float]
_CORNERS = 4
"""Corners of a rectangle."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal or vertical line.

    Attributes:
        at: Distance of the line from the origin, across it.
        start: Begin of the line, along it.
        end: End of the line, along it.
    """

    at: float
    start: float
    end: float

    def covers(self, position: float) -> bool:
        """Return whether the line passes a position along it."""
        return self.start - _SLACK <= position <= self.end + _SLACK


@dataclass(frozen=True, slots=True)
class PageGraphics:
    """What a page shows beside text."""

    horizontal: list[Rule]
    vertical: list[Rule]
    has_images: bool


def read_graphics(page: Any, turns: int) -> PageGraphics:
    """Return the rules of a page in the reading direction of its text, and whether it has images."""
    horizontal: list[Rule] = []
    vertical: list[Rule] = []
    has_images = False
    budget = MAX_SEGMENTS
    for kind, page_object, matrix in _iterate_objects(page):
        has_images = has_images or kind == pdfium.FPDF_PAGEOBJ_IMAGE
        count = pdfium.FPDFPath_CountSegments(page_object) if kind == pdfium.FPDF_PAGEOBJ_PATH else 0
        if 0 < count <= budget:
            budget -= count
            for start, end in _trace_edges(_read_outlines(page_object, count, matrix), turns):
                _sort_edge(start, end, horizontal, vertical)
    return PageGraphics(_merge_rules(horizontal), _merge_rules(vertical), has_images)


def _iterate_objects(page: Any) -> Iterator[tuple[int, Any, _Matrix]]:
    """Yield the objects of a page with their types and matrices, those inside of forms too."""
    for index in range(pdfium.FPDFPage_CountObjects(page)):
        yield from _unfold_object(pdfium.FPDFPage_GetObject(page, index), _IDENTITY, 0)


def _unfold_object(page_object: Any, outer: _Matrix, depth: int) -> Iterator[tuple[int, Any, _Matrix]]:
    kind = pdfium.FPDFPageObj_GetType(page_object)
    if kind == pdfium.FPDF_PAGEOBJ_TEXT:
        return
    own = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(page_object, ctypes.byref(own))
    matrix = _multiply((own.a, own.b, own.c, own.d, own.e, own.f), outer)
    if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
        for index in range(pdfium.FPDFFormObj_CountObjects(page_object)):
            yield from _unfold_object(pdfium.FPDFFormObj_GetObject(page_object, index), matrix, depth + 1)
    else:
        yield kind, page_object, matrix


def _multiply(inner: _Matrix, outer: _Matrix) -> _Matrix:
    a, b, c, d, e, f = inner
    x, y = _transform(outer, e, f)
    return (
        a * outer[0] + b * outer[2],
        a * outer[1] + b * outer[3],
        c * outer[0] + d * outer[2],
        c * outer[1] + d * outer[3],
        x,
        y,
    )


def _transform(matrix: _Matrix, x: float, y: float) -> _Corner:
    return matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5]


def _read_outlines(path: Any, count: int, matrix: _Matrix) -> Iterator[list[_Corner]]:
    """Yield the corners of each part of a path that consists of straight lines."""
    x, y = ctypes.c_float(), ctypes.c_float()
    corners: list[_Corner] = []
    is_straight = True
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            if is_straight:
                yield corners
            corners, is_straight = [], True
        is_straight = is_straight and kind != pdfium.FPDF_SEGMENT_BEZIERTO
        pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        corners.append(_transform(matrix, x.value, y.value))
        if pdfium.FPDFPathSegment_GetClose(segment):
            corners.append(corners[0])
    if is_straight:
        yield corners


def _trace_edges(outlines: Iterable[list[_Corner]], turns: int) -> Iterator[tuple[_Corner, _Corner]]:
    """Yield the edges of outlines in the reading direction. A thin rectangle is one edge: its middle line."""
    for outline in outlines:
        corners = [turn_point(x, y, turns) for x, y in outline]
        if len(corners) >= _CORNERS and (middle := _find_middle_line(corners)):
            yield middle
        else:
            yield from pairwise(corners)


def _find_middle_line(corners: list[_Corner]) -> tuple[_Corner, _Corner] | None:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    if bottom - top <= _MAX_WIDTH:
        return (left, (top + bottom) / 2), (right, (top + bottom) / 2)
    if right - left <= _MAX_WIDTH:
        return ((left + right) / 2, top), ((left + right) / 2, bottom)
    return None


def _sort_edge(start: _Corner, end: _Corner, horizontal: list[Rule], vertical: list[Rule]) -> None:
    width, height = abs(start[0] - end[0]), abs(start[1] - end[1])
    if height <= 1 and width >= _MIN_LENGTH:
        horizontal.append(Rule(start[1], min(start[0], end[0]), max(start[0], end[0])))
    elif width <= 1 and height >= _MIN_LENGTH:
        vertical.append(Rule(start[0], min(start[1], end[1]), max(start[1], end[1])))


def _merge_rules(rules: list[Rule]) -> list[Rule]:
    """Return rules with those on one line that touch or overlap as one."""
    merged: list[Rule] = []
    for at, group in _group_positions(rules):
        group.sort(key=lambda rule: rule.start)
        current = group[0]
        for rule in group[1:]:
            if rule.start <= current.end + _SLACK:
                current = Rule(at, current.start, max(current.end, rule.end))
            else:
                merged.append(current)
                current = rule
        merged.append(current)
    return merged


def _group_positions(rules: list[Rule]) -> Iterator[tuple[float, list[Rule]]]:
    group: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: rule.at):
        if group and rule.at - group[0].at > _SLACK:
            yield group[0].at, group
            group = []
        group.append(rule)
    if group:
        yield group[0].at, group
