"""Passages that stand in several places: equal ones, and nearly equal ones."""

from dataclasses import replace

import pytest

from model.blocks import make_paragraph
from model.passages import Chunk
from training.documents.chunking import split_document
from training.documents.copies import group_similar, merge_copies
from training.documents.document import Document

TEXT = (
    "The office opens at 8 in the morning and closes at 18 in the evening. Visitors sign the book at the desk, where "
    "they get a badge that they wear at all times and give back when they leave the building through the main door. "
    "Bicycles stand in the yard behind the house, and cars in the street. Dogs are welcome on the second floor alone, "
    "where the carpets are old and nobody minds a little dirt from the park on the other side of the river."
)


def make_chunk(text: str, source: str = "a.txt") -> Chunk:
    return Chunk(source, "", "", 0, 0, len(text), text)


def test_equal_chunks_become_one_with_the_places_of_all() -> None:
    documents = [Document(name, (make_paragraph("Same."),)) for name in ("a.txt", "b.txt", "b.txt", "c.txt")]
    documents.append(Document("d.txt", (make_paragraph("Same."),), tags=("year=2026",)))
    chunks = merge_copies(chunk for document in documents for chunk in split_document(document, 100, 0))
    assert [(chunk.source, [copy.source for copy in chunk.copies]) for chunk in chunks] == [
        ("a.txt", ["b.txt", "c.txt"]),
        ("d.txt", []),
    ]


@pytest.mark.parametrize(
    ("other_text", "is_similar"),
    [
        (TEXT.replace("little dirt", "small dirt"), True),
        (TEXT.replace("Bicycles stand", "Bikes stand"), True),
        (TEXT + " Smoking is forbidden.", True),
        (TEXT.replace("8 in the morning", "9 in the morning"), False),
        (TEXT.replace("and cars in the street", "and cars in row PX-200"), False),
        (" ".join(reversed(TEXT.split())), False),
        ("The office opens at 8 in the morning and closes at 18 in the evening.", False),
    ],
)
def test_passages_with_nearly_the_same_words_and_all_numbers_are_a_group(other_text: str, is_similar: bool) -> None:
    chunks = [make_chunk("A whale swims."), make_chunk(TEXT), make_chunk(other_text, "b.txt")]
    groups = [chunk.group for chunk in group_similar(chunks)]
    assert groups == ([0, 1, 1] if is_similar else [0, 0, 0])


def test_groups_are_numbered_and_hold_all_members() -> None:
    words = TEXT.split()
    reversed_text = " ".join(words[::-1])
    texts = [TEXT, reversed_text, TEXT + " End.", reversed_text + " End.", TEXT + " Fin.", "Short text.", "Short text!"]
    chunks = [make_chunk(text, f"{number}.txt") for number, text in enumerate(texts)]
    grouped = group_similar(chunks)
    assert [chunk.group for chunk in grouped] == [1, 2, 1, 2, 1, 0, 0]
    assert [replace(chunk, group=0) for chunk in grouped] == chunks
    assert group_similar([]) == []
