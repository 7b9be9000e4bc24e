"""Documents cut into chunks that keep their place: heading and character span."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from langchain_text_splitters import RecursiveCharacterTextSplitter
from markdown_it import MarkdownIt

from model.passages import Chunk

from .load import Document

_SEPARATORS = ["\n\n", "\n", r"(?<=[.!?])\s+", " ", ""]


@dataclass(frozen=True, slots=True)
class _Section:
    """The text from ``start`` to ``end`` and the headings above it, outermost first."""

    headings: tuple[str, ...]
    start: int
    end: int


def split_document(document: Document, chunk_size: int, overlap: int) -> list[Chunk]:
    """The chunks of ``document``, of at most ``chunk_size`` characters, cut at sentences where possible."""
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=chunk_size,
        chunk_overlap=overlap,
        separators=_SEPARATORS,
        is_separator_regex=True,
        keep_separator="end",
        add_start_index=True,
        strip_whitespace=True,
    )
    sections = list(_find_sections(document))
    heading = next((section.headings[0] for section in sections if section.headings), "")
    title = document.title or heading or PurePath(document.source).stem
    return [
        Chunk(
            document.source,
            title,
            " > ".join(section.headings),
            document.page,
            start,
            start + len(text),
            text,
            document.tags,
        )
        for section in sections
        for start, text in _split_section(splitter, document.text, section)
    ]


def _split_section(splitter: RecursiveCharacterTextSplitter, text: str, section: _Section) -> Iterator[tuple[int, str]]:
    for piece in splitter.create_documents([text[section.start : section.end]]):
        if piece.page_content.strip():
            yield section.start + piece.metadata["start_index"], piece.page_content


def _find_sections(document: Document) -> Iterator[_Section]:
    """A Markdown document cut at its headings, which go with the section and not into its text."""
    if not document.is_markdown:
        yield _Section((), 0, len(document.text))
        return
    starts = _find_line_starts(document.text)
    headings: list[tuple[int, str]] = []
    begin = 0
    tokens = MarkdownIt().parse(document.text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.map and token.level == 0:
            yield _Section(tuple(title for _, title in headings), begin, starts[token.map[0]])
            level = int(token.tag[1:])
            headings = [above for above in headings if above[0] < level] + [(level, inline.content)]
            begin = starts[token.map[1]]
    yield _Section(tuple(title for _, title in headings), begin, len(document.text))


def _find_line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts
