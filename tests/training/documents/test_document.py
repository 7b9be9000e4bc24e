"""A document's text is the Markdown of its blocks."""

from dataclasses import FrozenInstanceError

import pytest

from model.blocks import Block, make_fields, make_heading, make_paragraph, make_table
from training.documents.document import Document


def test_text_joins_the_markdown_of_the_blocks() -> None:
    document = Document("a.md", (make_heading("Care", 2), make_paragraph("Oil it."), make_table(["a"], [["1"]])))
    assert document.text == "## Care\n\nOil it.\n\n| a |\n| --- |\n| 1 |"


def test_document_without_metadata_is_a_whole_one() -> None:
    document = Document("a.txt", (make_paragraph("text"),))
    assert (document.title, document.page, document.tags) == ("", 0, ())


@pytest.mark.parametrize(
    ("blocks", "has_content"),
    [
        ((), False),
        ((Block("paragraph", "--- ***"),), False),
        ((make_paragraph("a"),), True),
        ((Block("paragraph", "-"), make_fields([("n", "1")])), True),
        ((make_paragraph("\u5e74"),), True),
    ],
)
def test_document_has_content_when_a_block_has_a_letter_or_digit(blocks: tuple[Block, ...], has_content: bool) -> None:
    assert Document("a.txt", blocks).has_content is has_content


def test_document_cannot_be_changed_and_equals_its_copy() -> None:
    blocks = (make_paragraph("text"),)
    document = Document("a.txt", blocks, "Title", 3, ("year=2026",))
    assert {document, Document("a.txt", blocks, "Title", 3, ("year=2026",))} == {document}
    with pytest.raises(FrozenInstanceError):
        document.title = "other"  # type: ignore[misc]
