"""A document as a loader reads it: the text, the source and the metadata."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its text and metadata, or one page, slide or row of a document.

    Attributes:
        source: Name by which the document is cited: the path relative to the folder, the address or the table.
        text: Plain text or Markdown.
        title: Title; empty when the document has none.
        page: Number of the page, slide or row, from 1; 0 for a whole document.
        tags: Metadata, each as ``name=value``.
        has_markup: Whether the text is Markdown; None to decide by the source's suffix.
    """

    source: str
    text: str
    title: str = ""
    page: int = 0
    tags: tuple[str, ...] = ()
    has_markup: bool | None = None

    @property
    def is_markdown(self) -> bool:
        """Whether the text is Markdown: ``has_markup`` if set, else any source that does not end in ``.txt``."""
        return not self.source.lower().endswith(".txt") if self.has_markup is None else self.has_markup
