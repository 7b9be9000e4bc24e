"""Split documents into chunks of whole blocks. Each chunk keeps its headings and character offsets."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from langchain_text_splitters import RecursiveCharacterTextSplitter

from model.blocks import Block, BlockSpan, nest_heading, split_block
from model.passages import Chunk

from .document import BLOCK_SEPARATOR, Document

_SEPARATORS = ["\n\n", "\n", r"(?<=[.!?])\s+", r"(?<=[。！？।])", " ", ""]


@dataclass(frozen=True, slots=True)
class _Part:
    """A block, or a part of a long block, with the range of the document's text that it stands for."""

    block: Block
    start: int
    end: int
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """The parts between two headings, with the headings above them, outermost first."""

    headings: tuple[str, ...]
    parts: tuple[_Part, ...]


def split_document(document: Document, chunk_size: int, overlap: int) -> list[Chunk]:
    """Split a document into chunks of whole blocks.

    A chunk never spans two sections. A block that is longer than a chunk is cut: a table between rows, with its header
    above each part; a list between items, with its introduction; a paragraph at lines or sentences where possible. The
    title of the chunks is the document's title, else its first heading, else the file name without the suffix.

    Args:
        document: The document to split.
        chunk_size: Maximum length of a chunk in characters.
        overlap: Characters that consecutive parts of a long paragraph may share.

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
    heading = next((block.text for block in document.blocks if block.kind == "heading"), "")
    title = document.title or heading or PurePath(document.source).stem
    return [
        _make_chunk(document, title, section, group)
        for section in _find_sections(document)
        for group in _group_parts(_cut_parts(section.parts, splitter, chunk_size), chunk_size)
    ]


def _find_sections(document: Document) -> Iterator[_Section]:
    """Yield the sections of a document. A heading without anything below it is the text of its own section."""
    headings: list[Block] = []
    parts: list[_Part] = []
    position = 0
    for number, block in enumerate(document.blocks):
        end = position + len(block.markdown)
        if block.kind == "heading":
            if parts:
                yield _Section(tuple(heading.text for heading in headings), tuple(parts))
            parts = []
            following = document.blocks[number + 1] if number + 1 < len(document.blocks) else None
            headings = nest_heading(headings, block)
            if following is None or (following.kind == "heading" and following.level <= block.level):
                above = tuple(heading.text for heading in headings[:-1])
                yield _Section(above, (_Part(block, end - len(block.text), end),))
        else:
            parts.append(_Part(block, position, end))
        position = end + len(BLOCK_SEPARATOR)
    if parts:
        yield _Section(tuple(heading.text for heading in headings), tuple(parts))


def _cut_parts(parts: Iterable[_Part], splitter: RecursiveCharacterTextSplitter, chunk_size: int) -> Iterator[_Part]:
    """Yield the parts of a section, long blocks in pieces."""
    for part in parts:
        block = part.block
        if len(block.text) <= chunk_size:
            yield part
        elif block.kind in {"table", "list", "code", "fields"}:
            for start, end, text in split_block(block, chunk_size):
                piece = _Part(Block(block.kind, text), part.start + start, part.start + end, is_cut=True)
                yield from [piece] if len(text) <= chunk_size else _cut_text(piece, splitter)
        else:
            yield from _cut_text(part, splitter)


def _cut_text(part: _Part, splitter: RecursiveCharacterTextSplitter) -> Iterator[_Part]:
    """Yield the pieces of a long text. A piece of a row or an item that is longer than a chunk is running text."""
    kind = part.block.kind if part.block.kind in {"note", "picture"} else "paragraph"
    for piece in splitter.create_documents([part.block.text]):
        start, text = part.start + piece.metadata["start_index"], piece.page_content
        if text.strip():
            yield _Part(Block(kind, text), start, min(start + len(text), part.end), is_cut=True)


def _group_parts(parts: Iterable[_Part], chunk_size: int) -> Iterator[list[_Part]]:
    """Yield the parts of each chunk: whole blocks as long as they fit, and each piece of a long block alone."""
    group: list[_Part] = []
    length = 0
    for part in parts:
        needed = len(part.block.text) + len(BLOCK_SEPARATOR) * bool(group)
        if group and (part.is_cut or group[-1].is_cut or length + needed > chunk_size):
            yield group
            group, length, needed = [], 0, len(part.block.text)
        group.append(part)
        length += needed
    if group:
        yield group


def _make_chunk(document: Document, title: str, section: _Section, group: Sequence[_Part]) -> Chunk:
    spans: list[BlockSpan] = []
    position = 0
    for part in group:
        spans.append(BlockSpan(part.block.kind, position, position + len(part.block.text)))
        position += len(part.block.text) + len(BLOCK_SEPARATOR)
    is_plain = all(span.kind == "paragraph" for span in spans)
    return Chunk(
        document.source,
        title,
        " > ".join(section.headings),
        document.page,
        group[0].start,
        group[-1].end,
        BLOCK_SEPARATOR.join(part.block.text for part in group),
        document.tags,
        () if is_plain else tuple(spans),
        language=document.language,
    )
