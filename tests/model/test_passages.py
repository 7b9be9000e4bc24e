"""Chunks and passages: the searchable text, the stored file, and filters."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.blocks import BlockSpan
from model.passages import FILTER_FIELDS, Chunk, ChunkCopy, Chunks, Passage, write_chunks

CHUNK = Chunk("a.pdf", "Title", "Top > Inner", 3, 10, 14, "Text", ("year=2024", "team=red"))

any_text = st.text(st.characters(codec="utf-8"), max_size=9)
chunks = st.builds(
    Chunk,
    any_text,
    any_text,
    any_text,
    st.integers(0, 99),
    st.integers(0, 99),
    st.integers(0, 99),
    any_text,
    st.lists(any_text, max_size=2).map(tuple),
)


def store_chunks(folder: Path, *stored: Chunk) -> Chunks:
    """Write chunks to a file in ``folder`` and open it."""
    write_chunks(stored, folder / "chunks.jsonl")
    return Chunks(folder / "chunks.jsonl")


@pytest.mark.parametrize(
    ("title", "heading", "text"),
    [
        ("Title", "Top > Inner", "Title\nTop\nInner\nText"),
        ("Title", "Title > Inner", "Title\nInner\nText"),
        ("Title", "Inner > Inner", "Title\nInner\nText"),
        ("Title", "", "Title\nText"),
        ("", "Top", "Top\nText"),
        ("", "", "Text"),
        ("Title", "a>b", "Title\na>b\nText"),
    ],
)
def test_searchable_text_has_title_and_headings_once(title: str, heading: str, text: str) -> None:
    assert replace(CHUNK, title=title, heading=heading).searchable_text == text


def test_passage_from_text_spans_the_text() -> None:
    passage = Passage.from_text("A fox.", "fox.txt")
    assert passage == Passage(Chunk("fox.txt", "", "", 0, 0, 6, "A fox."), 0.0, 0.0)
    assert passage.text == "A fox."


def test_fields_of_passage_are_those_of_its_chunk_and_the_score() -> None:
    assert Passage(CHUNK, 0.75, 0.5).to_fields() == {
        "source": "a.pdf",
        "title": "Title",
        "heading": "Top > Inner",
        "page": 3,
        "start": 10,
        "end": 14,
        "text": "Text",
        "tags": ["year=2024", "team=red"],
        "score": 0.75,
    }


def test_file_has_one_readable_line_for_each_chunk(tmp_path: Path) -> None:
    write_chunks(
        [Chunk("a", "Größe", "", 1, 2, 3, "x\ny", ("n=1",)), Chunk("b", "", "", 0, 0, 0, "")], tmp_path / "chunks.jsonl"
    )
    assert (tmp_path / "chunks.jsonl").read_bytes().decode("utf-8") == (
        '{"source": "a", "title": "Größe", "heading": "", "page": 1, "start": 2, "end": 3, "text": "x\\ny", '
        '"tags": ["n=1"]}\n'
        '{"source": "b", "title": "", "heading": "", "page": 0, "start": 0, "end": 0, "text": ""}\n'
    )


COPIED = Chunk(
    "a.txt",
    "A",
    "Care",
    1,
    2,
    9,
    "- Oil it",
    ("n=1",),
    (BlockSpan("list", 0, 8),),
    (ChunkCopy("b.txt", "B", 3, 4, 11), ChunkCopy("c.txt", "C", 0, 0, 7)),
)


def test_blocks_and_copies_are_stored(tmp_path: Path) -> None:
    assert list(store_chunks(tmp_path, COPIED)) == [COPIED]


def test_chunk_stands_at_the_first_place_that_is_allowed() -> None:
    assert COPIED.at_place(frozenset({"a.txt", "c.txt"})) is COPIED
    assert COPIED.at_place(frozenset({"none"})) is COPIED
    moved = COPIED.at_place(frozenset({"c.txt"}))
    assert (moved.source, moved.title, moved.page, moved.start, moved.end) == ("c.txt", "C", 0, 0, 7)
    assert [copy.source for copy in moved.copies] == ["a.txt", "b.txt"]
    assert (moved.text, moved.blocks, moved.tags) == (COPIED.text, COPIED.blocks, COPIED.tags)


def test_chunk_without_some_places_keeps_the_others() -> None:
    assert COPIED.without(frozenset({"none"})) is COPIED
    remaining = COPIED.without(frozenset({"a.txt"}))
    assert remaining is not None
    assert (remaining.source, [copy.source for copy in remaining.copies]) == ("b.txt", ["c.txt"])
    remaining = COPIED.without(frozenset({"b.txt"}))
    assert remaining is not None
    assert (remaining.source, [copy.source for copy in remaining.copies]) == ("a.txt", ["c.txt"])
    assert COPIED.without(frozenset({"a.txt", "b.txt", "c.txt"})) is None


def test_copies_are_found_by_their_source_and_named_in_a_tag(tmp_path: Path) -> None:
    stored = store_chunks(tmp_path, COPIED)
    assert stored.positions_with("source", "c.txt") == frozenset({0})
    assert Passage(COPIED, 0.5).to_fields()["tags"] == ["n=1", "also=b.txt", "also=c.txt"]


@settings(max_examples=50)
@given(st.lists(chunks, max_size=5))
def test_stored_chunks_equal_the_written_ones(tmp_path_factory: pytest.TempPathFactory, written: list[Chunk]) -> None:
    opened = store_chunks(tmp_path_factory.mktemp("chunks"), *written)
    assert len(opened) == len(written)
    assert list(opened) == written
    assert [opened[position - len(written)] for position in range(len(written))] == written


def test_positions_outside_the_file_raise_index_error(tmp_path: Path) -> None:
    opened = store_chunks(tmp_path, CHUNK, replace(CHUNK, page=4))
    assert (opened[0].page, opened[1].page, opened[-1].page, opened[-2].page) == (3, 4, 4, 3)
    for position in (2, -3):
        with pytest.raises(IndexError):
            opened[position]
    assert len(store_chunks(tmp_path)) == 0
    with pytest.raises(IndexError):
        store_chunks(tmp_path)[0]


def test_slices_of_chunks_are_lists(tmp_path: Path) -> None:
    opened = store_chunks(tmp_path, *(replace(CHUNK, page=page) for page in range(5)))
    assert [chunk.page for chunk in opened[1:3]] == [1, 2]
    assert [chunk.page for chunk in opened[::-2]] == [4, 2, 0]
    assert [chunk.page for chunk in opened[-1:]] == [4]
    assert opened[3:99] == [replace(CHUNK, page=3), replace(CHUNK, page=4)]
    assert opened[5:] == []


@pytest.mark.parametrize(
    ("field", "value", "positions"),
    [
        ("source", "a.pdf", {0, 2}),
        ("source", "b.pdf", {1}),
        ("source", "a", set()),
        ("title", "Title", {0, 1, 2}),
        ("heading", "Top > Inner", {0, 1}),
        ("heading", "Top", set()),
        ("page", 3, {0, 2}),
        ("page", "3", set()),
        ("tag", "team=red", {0, 2}),
        ("tag", "year=2024", {0, 1}),
        ("tag", "team", set()),
        ("tags", "team=red", set()),
        ("text", "Text", set()),
    ],
)
def test_positions_are_found_by_filter_field_and_value(
    field: str, value: object, positions: set[int], tmp_path: Path
) -> None:
    second = replace(CHUNK, source="b.pdf", page=4, tags=("year=2024",))
    third = replace(CHUNK, heading="", tags=("team=red",))
    assert store_chunks(tmp_path, CHUNK, second, third).positions_with(field, value) == positions


def test_each_filter_field_but_tag_is_a_field_of_a_chunk() -> None:
    assert FILTER_FIELDS == ("source", "title", "heading", "page", "tag")
    assert set(FILTER_FIELDS) - asdict(CHUNK).keys() == {"tag"}
