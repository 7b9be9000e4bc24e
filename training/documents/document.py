"""A document as a loader reads it: its blocks, the source and the metadata."""

from dataclasses import dataclass, field, replace
from functools import cached_property

from model.blocks import Block

BLOCK_SEPARATOR = "\n\n"
"""What stands between two blocks in the text of a document."""


@dataclass(frozen=True)
class Document:
    """A document with its blocks and metadata, or one page, slide or row of a document.

    Attributes:
        source: Name by which the document is cited: the path relative to the folder, the address or the table.
        blocks: The blocks in reading order.
        title: Title; empty when the document has none.
        page: Number of the page, slide or row, from 1; 0 for a whole document.
        tags: Metadata, each as ``name=value``.
        language: English name of the language; empty when it was not told.
    """

    source: str
    blocks: tuple[Block, ...]
    title: str = ""
    page: int = 0
    tags: tuple[str, ...] = field(default=())
    language: str = ""

    @cached_property
    def text(self) -> str:
        """The Markdown of all blocks. Positions of chunks count its characters."""
        return BLOCK_SEPARATOR.join(block.markdown for block in self.blocks)

    def with_metadata(self, title: str, tags: tuple[str, ...]) -> "Document":
        """Return the document with another title and other tags."""
        return replace(self, title=title, tags=tags)

    @property
    def has_content(self) -> bool:
        """Whether any block has a letter or a digit."""
        return any(character.isalnum() for block in self.blocks for character in block.text)
