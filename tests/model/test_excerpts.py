"""Excerpts are the sentences, rows, items and answers of a chunk."""

from model.blocks import (
    Block,
    BlockSpan,
    ListItem,
    make_code,
    make_fields,
    make_list,
    make_paragraph,
    make_question,
    make_table,
)
from model.excerpts import MAX_EXCERPT, Excerpt, show_list, split_excerpts
from model.passages import Chunk


def cut(block: Block) -> list[Excerpt]:
    span = BlockSpan(block.kind, 0, len(block.text))
    return list(split_excerpts(Chunk("a", "", "", 0, 0, len(block.text), block.text, (), (span,))))


def test_chunk_without_blocks_has_its_sentences() -> None:
    text = "Oil it. Then wait an hour."
    assert list(split_excerpts(Chunk("a", "", "", 0, 0, len(text), text))) == [
        Excerpt("paragraph", "Oil it.", 0),
        Excerpt("paragraph", "Then wait an hour.", 8),
    ]


def test_row_is_quoted_with_the_names_of_its_columns() -> None:
    rows = cut(make_table(["Part", "", "Price"], [["PX-1", "new", "8 EUR"], ["", "", ""], ["PX-2", "", ""]], "Parts"))
    assert [(row.text, row.context) for row in rows] == [
        ("Part: PX-1; new; Price: 8 EUR", "Parts"),
        ("Part: PX-2", "Parts"),
    ]


def test_item_has_its_introduction_and_the_items_above_as_context() -> None:
    items = cut(make_list([ListItem("1.", "Open"), ListItem("-", "slowly", 1), ListItem("2.", "Close")], "To do:"))
    assert [(item.text, item.context) for item in items] == [
        ("Open", "To do:"),
        ("slowly", "To do: Open"),
        ("Close", "To do:"),
    ]
    assert {item.whole_list for item in items} == {"To do: 1. Open; slowly; 2. Close"}


def test_clause_is_quoted_with_its_number_and_not_as_a_list() -> None:
    (clause,) = cut(make_list([ListItem("6.2", "The notice period is three months.")]))
    assert (clause.text, clause.whole_list) == ("6.2 The notice period is three months.", "")


def test_record_is_whole_or_a_field_below_the_first_one() -> None:
    assert [excerpt.text for excerpt in cut(make_fields([("a", "1"), ("b", "2")]))] == ["a: 1; b: 2"]
    long_record = cut(make_fields([("name", "Pump"), ("note", "x" * MAX_EXCERPT), ("hall", "B")]))
    assert [(excerpt.text, excerpt.context) for excerpt in long_record][2] == ("hall: B", "name: Pump")


def test_answer_has_its_question_as_context_and_a_long_one_is_cut_at_sentences() -> None:
    assert cut(make_question("Who pays?", "The firm. Always so.")) == [
        Excerpt("question", "The firm. Always so.", 10, "Who pays?")
    ]
    long_answer = cut(make_question("Who pays?", "The firm pays. " * 40))
    assert {(excerpt.text, excerpt.context) for excerpt in long_answer} == {("The firm pays.", "Who pays?")}


def test_code_and_heading_are_quoted_as_they_are() -> None:
    assert [excerpt.text for excerpt in cut(make_code("a = 1\nb = 2"))] == ["a = 1\nb = 2"]
    assert [excerpt.text for excerpt in cut(Block("heading", "Hotline 0800", 1))] == ["Hotline 0800"]


def test_note_has_its_sentences() -> None:
    assert [excerpt.text for excerpt in cut(Block("note", "It is so. And it stays so."))] == [
        "It is so.",
        "And it stays so.",
    ]
    assert cut(make_paragraph("Word")) == []


def test_list_says_how_many_items_are_left_out() -> None:
    shown = show_list("Steps:", [f"- step {number} {'x' * 90}" for number in range(9)])
    assert len(shown) <= MAX_EXCERPT + 20
    assert shown.endswith("; and 6 more")
