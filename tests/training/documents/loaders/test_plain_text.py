"""Paragraphs, lists and questions of plain text."""

import pytest

from model.blocks import Block, parse_list, parse_question
from training.documents.loaders.plain_text import is_question, split_paragraphs


def list_blocks(text: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in split_paragraphs(text)]


def test_blank_lines_separate_paragraphs() -> None:
    assert list_blocks("A b.\nC d.\n\n \nE f.\n") == [("paragraph", "A b.\nC d."), ("paragraph", "E f.")]


@pytest.mark.parametrize(
    "text",
    [
        "Q: Who approves travel?\nA: Your team lead.",
        "F: Who approves travel?\n\nAntwort: Your team lead.",
        "Question 3: Who approves travel?\nAnswer 3: Your team lead.",
        "Who approves travel?\n\nYour team lead.",
    ],
)
def test_question_is_joined_with_its_answer(text: str) -> None:
    (block,) = split_paragraphs(text)
    assert (block.kind, parse_question(block.text)) == ("question", ("Who approves travel?", "Your team lead."))


def test_question_without_an_answer_is_a_paragraph() -> None:
    assert list_blocks("Who approves travel?\n\nWhen?") == [
        ("paragraph", "Who approves travel?"),
        ("paragraph", "When?"),
    ]


def test_lines_with_markers_are_a_list_with_its_introduction() -> None:
    (block,) = split_paragraphs("To reset:\n1. Open the lid.\n2. Press the\n   button.\n   - twice\n3) Close it.")
    introduction, items = parse_list(block.text)
    assert introduction == "To reset:"
    assert [(item.marker, item.text, item.depth) for item in items] == [
        ("1.", "Open the lid.", 0),
        ("2.", "Press the button.", 0),
        ("-", "twice", 1),
        ("3)", "Close it.", 0),
    ]


def test_lines_that_do_not_continue_an_item_make_a_paragraph() -> None:
    assert list_blocks("- one\nand two\n- three") == [("paragraph", "- one\nand two\n- three")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Who?", True), ("誰？", True), ("Who? Me.", False), ("a\nb?", False), ("x" * 200 + "?", False)],
)
def test_one_short_line_that_ends_in_a_question_mark_is_a_question(text: str, expected: bool) -> None:
    assert is_question(text) is expected


def test_empty_text_has_no_block() -> None:
    assert list(split_paragraphs(" \n\n ")) == []
    assert list(split_paragraphs("x")) == [Block("paragraph", "x")]
