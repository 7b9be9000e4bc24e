"""Read web pages: the main content without navigation, banners, scripts and hidden elements."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from model.blocks import (
    Block,
    ListItem,
    flatten,
    make_code,
    make_heading,
    make_list,
    make_paragraph,
    make_question,
)
from model.errors import DocumentError

from ..decoding import guess_encoding, has_mark, remove_unwanted_characters
from ..document import Document
from .base import Loader, SourceFile
from .table_grid import Cell, make_grid_table, parse_span

_UNWANTED_TAGS = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "aside",
        "form",
        "button",
        "select",
        "iframe",
        "object",
        "svg",
        "math",
        "canvas",
        "audio",
        "video",
        "dialog",
        "menu",
        "link",
        "meta",
        "head",
        "title",
    ]
)
_UNWANTED_ROLES = frozenset({"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "menu"})
_UNWANTED_NAMES = re.compile(
    r"\b(?:cookies?|consent|gdpr|breadcrumbs?|side-?bar|nav|navbar|menu|newsletter|social|share|sharing|skip-?link|"
    r"advert\w*|ads?|promo|popup|modal|pagination|toc)\b"
)
_WORD_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])|_+|--+")
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_HEAD_BYTES = 2048
_BLOCK_TAGS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
        "colgroup",
    ]
)
_MAX_DEPTH = 150


class HtmlLoader(Loader):
    """Reads HTML."""

    kind = "HTML"
    suffixes = (".html", ".htm", ".xhtml")
    reads = "the main content: headings, paragraphs, lists, tables with spans, preformatted text, terms and summaries"
    omits = "scripts, navigation, banners, asides, hidden elements, comments, pictures"
    packages = ("lxml",)
    empty_reason = "the page contains no text without its scripts; save the page as a browser renders it"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the page as one document."""
        title, blocks = read_html(decode_page(file), self.import_package)
        yield file.make_document(blocks, title=title)


def decode_page(file: SourceFile) -> str:
    """Return the text of a page: UTF-8 where it is, else as the page declares, else as the bytes suggest."""
    content = file.content
    declared = _CHARSET.search(content[:_HEAD_BYTES])
    try:
        return file.read_text() if has_mark(content) else remove_unwanted_characters(content.decode("utf-8"))
    except UnicodeDecodeError:
        encoding = declared[1].decode("ascii", "replace") if declared else guess_encoding(content)
        try:
            return remove_unwanted_characters(content.decode(encoding, "replace"))
        except LookupError:
            file.notes.append(f"declares the unknown encoding {encoding} and was read as cp1252")
            return remove_unwanted_characters(content.decode("cp1252", "replace"))


def read_html(text: str, import_package: Callable[[str], Any]) -> tuple[str, list[Block]]:
    """Return the title and the blocks of a page.

    Args:
        text: The page.
        import_package: Returns a module of the extra ``documents``.

    Raises:
        DocumentError: lxml is not installed, or the elements are nested too deeply.
    """
    html = import_package("lxml.html")
    body = text.encode("utf-8", "replace")
    if not body.strip():
        return "", []
    parser = html.HTMLParser(remove_comments=True, remove_pis=True, recover=True, huge_tree=True, encoding="utf-8")
    root = html.document_fromstring(body, parser=parser)
    title = flatten(" ".join(root.xpath("//head//title/text()|//title/text()")[:1]))
    try:
        return title, list(_Reader().read(_find_content(root)))
    except RecursionError:
        raise DocumentError("the elements of the page are nested too deeply") from None


def _find_content(root: Any) -> Any:
    """Return the element of the main content: ``main``, a single article, or the body."""
    for path in ("//main", "//*[@role='main']", "//article"):
        matches = root.xpath(path)
        if len(matches) == 1 and len(matches[0].text_content().strip()) > 0:
            return matches[0]
    bodies = root.xpath("//body")
    return bodies[0] if bodies else root


def _is_unwanted(element: Any) -> bool:
    """Return whether an element is hidden, or stands around the content rather than in it."""
    tag = element.tag
    if not isinstance(tag, str) or tag in _UNWANTED_TAGS:
        return True
    attributes = element.attrib
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    if _HIDING_STYLE.search(attributes.get("style", "").lower()) or attributes.get("role") in _UNWANTED_ROLES:
        return True
    if tag in {"header", "footer"}:
        return not element.xpath(".//h1|.//h2|.//h3") and element.getparent() is not None
    if tag in {"main", "article", "body", "html", "table", "td", "p", "li"}:
        return False
    names = _WORD_JOINT.sub("-", f"{attributes.get('class', '')} {attributes.get('id', '')}").lower()
    return bool(_UNWANTED_NAMES.search(names)) and not element.xpath(".//h1|.//main|.//article")


class _Reader:
    """Walks the elements of a page; text outside of block elements is collected until the next block begins."""

    def __init__(self) -> None:
        self._inline: list[str] = []

    def read(self, element: Any) -> Iterator[Block]:
        """Yield the blocks of an element."""
        yield from self._read_children(element, 0)
        yield from self._end_paragraph()

    def _read_children(self, element: Any, depth: int) -> Iterator[Block]:
        self._inline.append(element.text or "")
        for child in element:
            if not _is_unwanted(child):
                yield from self._read_element(child, depth + 1)
            self._inline.append(child.tail or "")

    def _read_element(self, element: Any, depth: int) -> Iterator[Block]:
        tag = element.tag
        if depth > _MAX_DEPTH:
            self._inline.append(element.text_content())
        elif tag == "br":
            self._inline.append("\n")
        elif tag not in _BLOCK_TAGS:
            yield from self._read_children(element, depth)
        else:
            yield from self._end_paragraph()
            yield from self._read_block(element, depth)
            yield from self._end_paragraph()

    def _read_block(self, element: Any, depth: int) -> Iterator[Block]:
        tag = element.tag
        if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            yield make_heading(_text_of(element), int(tag[1]))
        elif tag == "pre":
            yield make_code(element.text_content())
        elif tag in {"ul", "ol"}:
            yield make_list(_read_items(element, 0))
            for inner in element.xpath(".//table|.//pre"):
                yield from self._read_block(inner, depth + 1)
        elif tag == "table":
            yield from self._read_table(element, depth)
        elif tag == "dl":
            yield from _read_terms(element)
        elif tag == "details":
            yield from self._read_details(element, depth)
        else:
            yield from self._read_children(element, depth)

    def _read_table(self, element: Any, depth: int) -> Iterator[Block]:
        """Yield a table; one that lays out a page, with a single column or with tables inside, as its cells."""
        rows = element.xpath("./tr|./thead/tr|./tbody/tr|./tfoot/tr")
        if element.xpath(".//table") or all(len(row) <= 1 for row in rows):
            for cell in element.xpath("./tr/*|./*/tr/*"):
                if not _is_unwanted(cell):
                    yield from self._read_children(cell, depth)
                    yield from self._end_paragraph()
            return
        caption = " ".join(_text_of(part) for part in element.xpath("./caption"))
        header_rows = len(element.xpath("./thead/tr"))
        yield make_grid_table([_read_cells(row) for row in rows], header_rows=max(1, header_rows), caption=caption)

    def _read_details(self, element: Any, depth: int) -> Iterator[Block]:
        summary = element.find("summary")
        question = _text_of(summary) if summary is not None else ""
        if summary is not None:
            tail = summary.tail or ""
            element.remove(summary)
            element.text = (element.text or "") + tail
        blocks = [*self._read_children(element, depth), *self._end_paragraph()]
        if question and blocks and blocks[0].kind == "paragraph":
            yield make_question(question, blocks[0].text)
            blocks = blocks[1:]
        elif question:
            yield make_paragraph(question)
        yield from blocks

    def _end_paragraph(self) -> Iterator[Block]:
        lines = [flatten(line) for line in "".join(self._inline).split("\n")]
        self._inline.clear()
        text = "\n".join(filter(None, lines)) if len(lines) > 1 else lines[0]
        if text:
            yield make_paragraph(flatten(text))


def _text_of(element: Any) -> str:
    """Return the visible text of an element on one line."""
    return flatten("".join(_visible_parts(element, 0)))


def _visible_parts(element: Any, depth: int) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if depth >= _MAX_DEPTH:
            yield child.text_content()
        elif not _is_unwanted(child):
            is_separate = child.tag in _BLOCK_TAGS or child.tag == "br"
            yield " " * is_separate
            yield from _visible_parts(child, depth + 1)
            yield " " * is_separate
        yield child.tail or ""


def _read_items(element: Any, depth: int) -> Iterator[ListItem]:
    number = int(element.get("start", "1")) if element.get("start", "1").isdigit() else 1
    for item in element:
        if _is_unwanted(item):
            continue
        lists = [child for child in item if child.tag in {"ul", "ol"}]
        for inner in lists:
            inner.drop_tree() if depth > _MAX_DEPTH else item.remove(inner)
        text = _text_of(item)
        if text:
            yield ListItem(f"{number}." if element.tag == "ol" else "-", text, depth)
            number += 1
        for inner in lists:
            yield from _read_items(inner, depth + 1)


def _read_cells(row: Any) -> list[Cell]:
    return [
        Cell(_text_of(cell), parse_span(cell.get("colspan", "1").strip()), parse_span(cell.get("rowspan", "1").strip()))
        for cell in row
        if cell.tag in {"td", "th"}
    ]


def _read_terms(element: Any) -> Iterator[Block]:
    """Yield each term of a list of definitions with its definition, as a question with its answer."""
    terms: list[str] = []
    definitions: list[str] = []
    for child in [*element.iter("dt", "dd"), None]:
        if child is None or (child.tag == "dt" and definitions):
            if terms and definitions:
                yield make_question(" / ".join(terms), " ".join(definitions))
            terms, definitions = [], []
        if child is not None:
            (terms if child.tag == "dt" else definitions).append(_text_of(child))
