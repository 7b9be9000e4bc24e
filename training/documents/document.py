"""A document: its text, the name it is cited by, and what is known of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """A document, or a page or row of one.

    ``source`` is its path relative to the folder given, or its address; ``page`` the number of a page, slide or row,
    from 1, and 0 when it has none; ``tags`` are its metadata as "name=value".
    """

    source: str
    text: str
    title: str = ""
    page: int = 0
    tags: tuple[str, ...] = ()
    has_markup: bool | None = None

    @property
    def is_markdown(self) -> bool:
        """Whether its headings are marked up: as its loader says, or its name."""
        return not self.source.lower().endswith(".txt") if self.has_markup is None else self.has_markup
