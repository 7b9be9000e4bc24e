"""Position, headings and size of chunks."""

from hypothesis import given
from hypothesis import strategies as st

from model.blocks import ListItem, make_fields, make_list, make_paragraph, make_table, parse_list, parse_table
from model.passages import Chunk
from training.documents.chunking import split_document
from training.documents.document import Document
from training.documents.loaders.markdown import read_markdown
from training.documents.loaders.plain_text import split_paragraphs

GUIDE = """Before any heading.

# Guide

First paragraph. It has two sentences.

## Setup

```
# not a heading
```

### Details

Some details.

Other
=====

The end.
"""

markdown = st.lists(
    st.sampled_from(
        ["# One\n", "## Two\n", "A sentence. Another one.\n", "\n", "```\n# code\n```\n", "- item\n", "x" * 120 + "\n"]
    ),
    max_size=12,
).map("".join)


def test_markdown_is_split_by_sections_with_their_heading_paths() -> None:
    chunks = split_document(Document("guide.md", tuple(read_markdown(GUIDE))), 800, 80)
    assert [(chunk.heading, chunk.text) for chunk in chunks] == [
        ("", "Before any heading."),
        ("Guide", "First paragraph. It has two sentences."),
        ("Guide > Setup", "```\n# not a heading\n```"),
        ("Guide > Setup > Details", "Some details."),
        ("Other", "The end."),
    ]
    assert {chunk.title for chunk in chunks} == {"Guide"}


def test_text_file_is_split_without_headings() -> None:
    (chunk,) = split_document(Document("notes/azure.txt", tuple(split_paragraphs("# Not a heading"))), 800, 80)
    assert chunk == Chunk("notes/azure.txt", "azure", "", 0, 0, 15, "# Not a heading")


def test_long_text_is_split_at_sentences() -> None:
    text = " ".join(f"This is sentence number {number}." for number in range(20))
    chunks = split_document(Document("a.txt", tuple(split_paragraphs(text))), 100, 0)
    assert all(chunk.text.endswith(".") and len(chunk.text) <= 100 for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks) == text


@given(markdown, st.sampled_from([(50, 0), (80, 20), (800, 80)]))
def test_chunk_of_whole_blocks_equals_its_range_of_the_document(text: str, sizes: tuple[int, int]) -> None:
    document = Document("a.md", tuple(read_markdown(text)))
    for chunk in split_document(document, *sizes):
        assert 0 < len(chunk.text) <= sizes[0]
        assert 0 <= chunk.start < chunk.end <= len(document.text)
        if all(span.kind == "paragraph" for span in chunk.blocks) and "- item" not in chunk.text:
            assert document.text[chunk.start : chunk.end] == chunk.text


@given(markdown)
def test_chunks_and_headings_keep_every_word_of_the_text(text: str) -> None:
    chunks = split_document(Document("a.md", tuple(read_markdown(text))), 80, 0)
    chunked_text = "".join(chunk.text + "".join(chunk.heading.split(" > ")) for chunk in chunks)
    for word in ("sentence", "Another", "item", "code", "One", "Two"):
        assert (word in chunked_text) == (word in text)


def test_long_table_is_cut_between_rows_below_its_header() -> None:
    rows = [[f"ST-{number:03}", f"Station {number}"] for number in range(40)]
    document = Document("a.md", (make_paragraph("Before."), make_table(["Code", "Name"], rows, "All stations")))
    chunks = split_document(document, 200, 0)
    assert chunks[0].text == "Before."
    tables = [parse_table(chunk.text) for chunk in chunks[1:]]
    assert {(table.caption, table.header) for table in tables} == {("All stations", ("Code", "Name"))}
    assert [list(row) for table in tables for row in table.rows] == rows
    assert all(len(chunk.text) <= 200 for chunk in chunks)
    assert all(
        f"{table.rows[0][0]} |" in document.text[chunk.start : chunk.end]
        for chunk, table in zip(chunks[1:], tables, strict=True)
    )


def test_long_list_keeps_its_introduction_with_each_part() -> None:
    items = [ListItem(f"{number}.", f"Do step {number} with care.") for number in range(1, 20)]
    chunks = split_document(Document("a.md", (make_list(items, "To reset:"),)), 200, 0)
    parts = [parse_list(chunk.text) for chunk in chunks]
    assert len(parts) > 1
    assert {introduction for introduction, _ in parts} == {"To reset:"}
    assert [item for _, part in parts for item in part] == items


def test_blocks_are_grouped_as_long_as_they_fit() -> None:
    blocks = (make_paragraph("a" * 30), make_fields([("n", "1")]), make_paragraph("b" * 30))
    first, second = split_document(Document("a.txt", blocks), 50, 0)
    assert [(span.kind, first.text[span.start : span.end]) for span in first.blocks] == [
        ("paragraph", "a" * 30),
        ("fields", "n: 1"),
    ]
    assert (second.text, second.blocks) == ("b" * 30, ())


def test_searchable_text_contains_title_and_headings_once() -> None:
    chunk = Chunk("a.md", "Guide", "Guide > Setup", 0, 0, 4, "Text")
    assert chunk.searchable_text == "Guide\nSetup\nText"
    assert Chunk("a.txt", "", "", 0, 0, 4, "Text").searchable_text == "Text"
