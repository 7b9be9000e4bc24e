"""Kinds of content that a PDF page is read as."""

from dataclasses import dataclass

from model.blocks import ListItem


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading. Level 1 is the largest."""

    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table. An empty cell is an empty string, so that every row has as many cells as the header."""

    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form with its value."""

    name: str
    value: str


Item = Heading | Paragraph | ListItem | Table | Field


@dataclass(frozen=True, slots=True)
class PageContent:
    """The content of a page in reading order.

    Attributes:
        number: Number of the page, from 1.
        items: Content without running headers and footers. A paragraph that goes over the page's end is whole.
        has_images: Whether the page shows an image. A scanned page has an image and no items.
    """

    number: int
    items: list[Item]
    has_images: bool
