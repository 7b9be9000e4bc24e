"""A document says whether its text is Markdown."""

from dataclasses import FrozenInstanceError

import pytest

from training.documents.document import Document


@pytest.mark.parametrize(
    ("source", "is_markdown"),
    [
        ("a.txt", False),
        ("folder/A.TXT", False),
        ("txt", True),
        ("a.txt.md", True),
        ("a.md", True),
        ("a.pdf", True),
        ("https://example.org/page", True),
        ("https://example.org/robots.txt", False),
        ("main.docs.pages", True),
        ("", True),
    ],
)
def test_source_that_does_not_end_in_txt_is_markdown(source: str, is_markdown: bool) -> None:
    assert Document(source, "text").is_markdown is is_markdown


@pytest.mark.parametrize("source", ["a.txt", "a.md"])
@pytest.mark.parametrize("has_markup", [True, False])
def test_markup_that_a_loader_states_goes_before_the_suffix(source: str, has_markup: bool) -> None:
    assert Document(source, "text", has_markup=has_markup).is_markdown is has_markup


def test_document_without_metadata_is_a_whole_one() -> None:
    document = Document("a.txt", "text")
    assert (document.title, document.page, document.tags, document.has_markup) == ("", 0, (), None)


def test_document_cannot_be_changed_and_equals_its_copy() -> None:
    document = Document("a.txt", "text", "Title", 3, ("year=2026",))
    assert {document, Document("a.txt", "text", "Title", 3, ("year=2026",))} == {document}
    with pytest.raises(FrozenInstanceError):
        document.text = "other"  # type: ignore[misc]
