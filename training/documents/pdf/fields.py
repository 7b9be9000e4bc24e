"""Read the filled fields of a PDF form."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2.raw as pdfium

from .items import Field
from .lines import Line

_MAX_ANNOTATIONS = 5_000
_BUTTONS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_ROW_SLACK = 6.0
"""Distance in points of a label's base line from the field beyond which it stands on another row."""

_Rectangle = tuple[float, float, float, float]


def read_fields(form: Any, page: Any, lines: list[Line]) -> Iterator[Field]:
    """Yield the fields of a page that have a value, each with the label to the left of it as its name."""
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        with _open_annotation(page, index) as annotation:
            if pdfium.FPDFAnnot_GetSubtype(annotation) != pdfium.FPDF_ANNOT_WIDGET:
                continue
            value = _read_value(form, annotation)
            if value:
                yield Field(_find_label(_read_place(annotation), lines) or _read_name(form, annotation), value)


@contextmanager
def _open_annotation(page: Any, index: int) -> Iterator[Any]:
    annotation = pdfium.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        pdfium.FPDFPage_CloseAnnot(annotation)


def _read_value(form: Any, annotation: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BUTTONS and not pdfium.FPDFAnnot_IsChecked(form, annotation):
        return ""
    if kind in {pdfium.FPDF_FORMFIELD_PUSHBUTTON, pdfium.FPDF_FORMFIELD_SIGNATURE}:
        return ""
    value = _read_text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
    return value or ("Yes" if kind in _BUTTONS else "")


def _read_name(form: Any, annotation: Any) -> str:
    """Return the description of a field for readers, or else its name."""
    alternate = _read_text(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
    return alternate or _read_text(pdfium.FPDFAnnot_GetFormFieldName, form, annotation)


def _read_text(read: Callable[..., int], form: Any, annotation: Any) -> str:
    size = read(form, annotation, None, 0)
    buffer = ctypes.create_string_buffer(max(size, 2))
    read(form, annotation, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return " ".join(buffer.raw[:size].decode("utf-16-le", "replace").rstrip("\0").split())


def _read_place(annotation: Any) -> _Rectangle:
    box = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(box))
    return box.left, -box.top, box.right, -box.bottom


def _find_label(position: _Rectangle, lines: list[Line]) -> str:
    """Return the text beside a field: the nearest to the left that ends with a colon, or an empty text."""
    left, top, _, bottom = position
    labels = [
        line
        for line in lines
        if line.right <= left + _ROW_SLACK and top - _ROW_SLACK <= line.base <= bottom + _ROW_SLACK
    ]
    nearest = max(labels, key=lambda line: line.right, default=None)
    return nearest.text.rstrip(": ") if nearest is not None and nearest.text.endswith(":") else ""
