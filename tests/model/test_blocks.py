"""Blocks are written as Markdown of a fixed form, and read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.blocks import (
    Block,
    ListItem,
    flatten,
    make_code,
    make_fields,
    make_heading,
    make_list,
    make_paragraph,
    make_question,
    make_table,
    parse_code,
    parse_fields,
    parse_list,
    parse_question,
    parse_table,
    split_block,
)

cells = st.text(alphabet="ab|\\ \n.", max_size=8).filter(
    lambda text: not text.rstrip().endswith("\\") and "\\|" not in text
)


@given(st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=5))
def test_table_is_read_as_it_was_written(rows: list[list[str]]) -> None:
    header, *body = rows
    width = max(map(len, rows))
    table = parse_table(make_table(header, body, "A caption").text)
    filled = [(*(flatten(cell) for cell in row), *[""] * (width - len(row))) for row in rows]
    assert (table.caption, table.header, list(table.rows)) == ("A caption", filled[0], filled[1:])


@pytest.mark.parametrize("marker", ["-", "1.", "12)", "6.2", "10.4.1", "a)", "B.", "iv.", "(a)"])
def test_list_is_read_as_it_was_written(marker: str) -> None:
    items = [ListItem(marker, "Open it."), ListItem("-", "slowly", 1), ListItem(marker, "Close - it.")]
    assert parse_list(make_list(items, "Do this now:").text) == ("Do this now:", items)


def test_marker_without_a_stop_gets_one() -> None:
    assert make_list([ListItem("3", "x")]).text == "3. x"


def test_fields_questions_and_code_are_read_as_they_were_written() -> None:
    pairs = [("Price of it", "88.00: EUR"), ("a", "one two")]
    assert parse_fields(make_fields([("Price\nof it", "88.00: EUR"), ("a", " one\ntwo ")]).text) == pairs
    assert parse_question(make_question("Who\npays?", "The firm.\nAlways.").text) == ("Who pays?", "The firm.\nAlways.")
    code = "a = 1\n```\n  b"
    assert parse_code(make_code(f"\n{code}\n\n").text) == code


@pytest.mark.parametrize(("level", "shown"), [(0, "# A b"), (2, "## A b"), (9, "###### A b")])
def test_heading_has_a_level_from_1_to_6(level: int, shown: str) -> None:
    assert make_heading(" A\n b ", level).markdown == shown


def test_other_block_stands_as_its_text() -> None:
    assert make_paragraph(" a\nb ").markdown == "a\nb"


@pytest.mark.parametrize(
    ("block", "head"),
    [
        (make_table(["n"], [[str(number)] for number in range(30)], "All"), ["All", "| n |", "| --- |"]),
        (make_list([ListItem("-", str(number)) for number in range(30)], "All:"), ["All:"]),
        (make_fields([("n", str(number)) for number in range(30)]), []),
        (make_code("\n".join(map(str, range(30)))), ["```"]),
    ],
)
def test_part_of_a_long_block_begins_with_its_head(block: Block, head: list[str]) -> None:
    parts = list(split_block(block, 60))
    assert len(parts) > 1
    assert all(len(text) <= 60 for _, _, text in parts)
    tail = ["```"] if block.kind == "code" else []
    lines = [text.split("\n") for _, _, text in parts]
    assert all(part[: len(head)] == head for part in lines)
    body = [line for part in lines for line in part[len(head) : len(part) - len(tail)]]
    assert [*head, *body, *tail] == block.text.split("\n")
    assert [block.text[start:end] for start, end, _ in parts] == [
        "\n".join(part[len(head) : len(part) - len(tail)]) for part in lines
    ]


def test_line_longer_than_a_part_stays_whole() -> None:
    block = make_fields([("a", "x" * 100), ("b", "1")])
    assert [text for _, _, text in split_block(block, 50)] == [f"a: {'x' * 100}", "b: 1"]
