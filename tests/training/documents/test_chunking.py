"""Position, headings and size of chunks."""

from hypothesis import given
from hypothesis import strategies as st

from model.passages import Chunk
from training.documents.chunking import split_document
from training.documents.load import Document

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
    chunks = split_document(Document("guide.md", GUIDE), 800, 80)
    assert [(chunk.heading, chunk.text) for chunk in chunks] == [
        ("", "Before any heading."),
        ("Guide", "First paragraph. It has two sentences."),
        ("Guide > Setup", "```\n# not a heading\n```"),
        ("Guide > Setup > Details", "Some details."),
        ("Other", "The end."),
    ]
    assert {chunk.title for chunk in chunks} == {"Guide"}


def test_text_file_is_split_without_headings() -> None:
    (chunk,) = split_document(Document("notes/azure.txt", "# Not a heading"), 800, 80)
    assert chunk == Chunk("notes/azure.txt", "azure", "", 0, 0, 15, "# Not a heading")


def test_long_text_is_split_at_sentences() -> None:
    text = " ".join(f"This is sentence number {number}." for number in range(20))
    chunks = split_document(Document("a.txt", text), 100, 0)
    assert all(chunk.text.endswith(".") and len(chunk.text) <= 100 for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks) == text


@given(markdown, st.sampled_from([(50, 0), (80, 20), (800, 80)]))
def test_chunk_text_equals_its_range_of_the_document(text: str, sizes: tuple[int, int]) -> None:
    for chunk in split_document(Document("a.md", text), *sizes):
        assert text[chunk.start : chunk.end] == chunk.text
        assert 0 < len(chunk.text) <= sizes[0]


@given(markdown)
def test_chunks_and_headings_keep_every_word_of_the_text(text: str) -> None:
    chunks = split_document(Document("a.md", text), 80, 0)
    chunked_text = "".join(chunk.text + "".join(chunk.heading.split(" > ")) for chunk in chunks)
    for word in ("sentence", "Another", "item", "code"):
        assert (word in chunked_text) == (word in text)


def test_searchable_text_contains_title_and_headings_once() -> None:
    chunk = Chunk("a.md", "Guide", "Guide > Setup", 0, 0, 4, "Text")
    assert chunk.searchable_text == "Guide\nSetup\nText"
    assert Chunk("a.txt", "", "", 0, 0, 4, "Text").searchable_text == "Text"
