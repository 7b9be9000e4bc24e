"""Split documents into chunks. Each chunk keeps its headings and character offsets."""

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
    """A part of a document's text, as character offsets, with the headings above the part, outermost first."""

    headings: tuple[str, ...]
    start: int
    end: int


def split_document(document: Document, chunk_size: int, overlap: int) -> list[Chunk]:
    """Split a document into chunks, at paragraphs, lines or sentences where possible.

    A chunk never spans two sections of a Markdown document. The title of the chunks is the document's title, else its
    first heading, else the file name without the suffix.

    Args:
        document: The document to split.
        chunk_size: Maximum length of a chunk in characters.
        overlap: Characters that consecutive chunks of a section may share.

    Returns:
        The chunks in the order of the text, without empty ones.
    """
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
    """Yield the sections between the headings of a Markdown document, or one section for any other document.

    A heading belongs to the section's headings, not to the section's text. Headings inside lists and quotations do not
    start a section.
    """
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
