"""Read styles and numbering of documents of Word: levels of headings, and the numbers of paragraphs as shown."""

import re
from typing import Any

from .xml_tree import local_attribute, local_name

_HEADING_NAME = re.compile(r"(?:heading|überschrift|titre|titolo|título)\s*(\d)", re.IGNORECASE)
_MAX_LEVEL = 9
_PLACEHOLDER = re.compile(r"%(\d)")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
          (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class Styles:
    """The styles of a document by their identifiers."""

    def __init__(self, root: Any) -> None:
        """Read the styles of the element ``styles``; None for a document without styles."""
        self._styles = (
            {} if root is None else {local_attribute(style, "styleId"): style for style in root.iter("{*}style")}
        )

    def style_of(self, paragraph: Any) -> Any:
        """Return the style element of a paragraph; None when it has none."""
        return self._styles.get(_style_id(paragraph))

    def heading_level(self, paragraph: Any) -> int:
        """Return the level of a paragraph that is a heading, from 1; 0 for any other."""
        identifier = _style_id(paragraph)
        own = paragraph.find("./{*}pPr/{*}outlineLvl")
        if own is not None:
            return _outline_level(own)
        for _ in range(_MAX_LEVEL):
            style = self._styles.get(identifier)
            name = identifier if style is None else local_attribute(style.find("./{*}name"), "val")
            match = _HEADING_NAME.match(name)
            if match:
                return int(match[1])
            if name.lower() in {"title", "titel"}:
                return 1
            outline = None if style is None else style.find("./{*}pPr/{*}outlineLvl")
            if outline is not None:
                return _outline_level(outline)
            base = None if style is None else style.find("./{*}basedOn")
            if base is None:
                return 0
            identifier = local_attribute(base, "val")
        return 0


class Numbering:
    """Counts the numbered paragraphs of a document, and gives each its number as Word shows it."""

    def __init__(self, root: Any) -> None:
        """Read the definitions of the element ``numbering``; None for a document without numbering."""
        self._levels: dict[str, dict[int, tuple[str, str, int]]] = {}
        self._counters: dict[str, dict[int, int]] = {}
        if root is not None:
            abstract = {local_attribute(part, "abstractNumId"): part for part in root.iter("{*}abstractNum")}
            for number in root.iter("{*}num"):
                reference = number.find("./{*}abstractNumId")
                definition = abstract.get(local_attribute(reference, "val")) if reference is not None else None
                if definition is not None:
                    self._levels[local_attribute(number, "numId")] = _read_levels(definition)

    def next_marker(self, paragraph: Any, style: Any) -> tuple[str, int]:
        """Return the marker of a paragraph, such as ``6.2`` or ``-``, and its depth; empty and 0 for none.

        Args:
            paragraph: The paragraph, which is counted.
            style: The element of the paragraph's style, or None.
        """
        properties = paragraph.find("./{*}pPr/{*}numPr")
        if properties is None and style is not None:
            properties = style.find("./{*}pPr/{*}numPr")
        if properties is None:
            name = local_attribute(style.find("./{*}name"), "val").lower() if style is not None else ""
            return ("-", 0) if name.startswith("list bullet") else ("", 0)
        number_id, level = _child_value(properties, "numId", "0"), int(_child_value(properties, "ilvl", "0"))
        levels = self._levels.get(number_id)
        if number_id == "0" or levels is None or level not in levels:
            return "", 0
        form, pattern, start = levels[level]
        counters = self._counters.setdefault(number_id, {})
        counters[level] = counters.get(level, start - 1) + 1
        for deeper in [deeper for deeper in counters if deeper > level]:
            del counters[deeper]
        if form in {"bullet", "none"}:
            return "-", level

        def render_number(match: re.Match[str]) -> str:
            shown = int(match[1]) - 1
            shown_form, _, shown_start = levels.get(shown, (form, pattern, 1))
            return _format_number(counters.get(shown, shown_start), shown_form)

        return _PLACEHOLDER.sub(render_number, pattern).strip(), level


def _style_id(paragraph: Any) -> str:
    style = paragraph.find("./{*}pPr/{*}pStyle")
    return local_attribute(style, "val") if style is not None else ""


def _outline_level(element: Any) -> int:
    level = int(local_attribute(element, "val", "9"))
    return level + 1 if level < _MAX_LEVEL else 0


def _read_levels(definition: Any) -> dict[int, tuple[str, str, int]]:
    """Return format, pattern and start of each level of a numbering."""
    return {
        int(local_attribute(level, "ilvl", "0")): (
            _child_value(level, "numFmt", "decimal"),
            _child_value(level, "lvlText", ""),
            int(_child_value(level, "start", "1")),
        )
        for level in definition
        if local_name(level) == "lvl"
    }


def _child_value(element: Any, name: str, default: str) -> str:
    child = element.find(f"./{{*}}{name}")
    return local_attribute(child, "val", default) if child is not None else default


def _format_number(number: int, form: str) -> str:
    match form:
        case "lowerLetter" | "upperLetter":
            letter = chr(ord("a") + (number - 1) % 26)
            return letter.upper() if form == "upperLetter" else letter
        case "lowerRoman" | "upperRoman":
            roman = ""
            for value, digits in _ROMAN:
                roman += digits * (number // value)
                number %= value
            return roman.upper() if form == "upperRoman" else roman
        case "decimalZero":
            return f"{number:02}"
    return str(number)
