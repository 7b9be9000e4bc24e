"""Replies of chat models: what they say, whether it is an answer, and what is passed on while they stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.providers.reply_text import ReplyFilter, clean_reply, find_defect, starts_in_thought

OPENING = "Answer the question from the passages alone"
MARKED = [
    ("<think>Is it [1]?</think>\nAt ten. [1]", "At ten. [1]"),
    ("<THINKING>\n\n</THINKING>At ten.", "At ten."),
    ("<think>it never ends", ""),
    ("", ""),
    (" \n\t", ""),
    ("At ten.<|im_end|>\n<|im_start|>user\nAnd then?", "At ten."),
    ("<|im_start|>assistant\nAt ten.<|im_end|>", "At ten."),
    ("<start_of_turn>model\nAt ten.<end_of_turn>", "At ten."),
    ("At ten.</s>", "At ten."),
    ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>At ten.", "At ten."),
    ('<passage n="1">\nIt opens at ten.\n</passage>', ""),
    ('<passage n="1">\nIt opens.\n</passage>\nAt ten. [1]', "At ten. [1]"),
    ("a < b and c > d", "a < b and c > d"),
    ("Write <div> [1, 2] and a[0].", "Write <div> [1, 2] and a[0]."),
    ("{}", "{}"),
]


@pytest.mark.parametrize(("reply", "text"), [*MARKED, ("It thinks\n</think>\n\nAt ten.", "At ten.")])
def test_reply_is_read_without_thoughts_tokens_and_echoed_passages(reply: str, text: str) -> None:
    assert clean_reply(reply) == text


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(("reply", "text"), MARKED)
def test_stream_passes_on_what_the_whole_reply_says(reply: str, text: str, size: int) -> None:
    spoken = ReplyFilter()
    pieces = [reply[start : start + size] for start in range(0, len(reply), size)]
    assert ("".join(map(spoken.feed, pieces)) + spoken.finish()).strip() == text


@pytest.mark.parametrize(
    ("reply", "is_unmarked"),
    [("Hm.</think>At ten.", True), ("<think>Hm.</think>At ten.", False), ("At ten.", False), ("<think>Hm.", False)],
)
def test_reply_that_begins_inside_a_thought_is_recognised(reply: str, is_unmarked: bool) -> None:
    assert starts_in_thought(reply) is is_unmarked


@pytest.mark.parametrize("reply", ["Hm. [1]\n</think>\n\nAt ten.", "<think>Hm.</think>At ten.", "At ten."])
def test_stream_of_a_model_that_begins_in_a_thought_passes_on_the_answer_alone(reply: str) -> None:
    spoken = ReplyFilter(starts_in_thought=True)
    assert ("".join(map(spoken.feed, reply)) + spoken.finish()).strip() == "At ten."


def test_stream_passes_on_each_piece_as_it_comes() -> None:
    spoken = ReplyFilter()
    assert [spoken.feed(piece) for piece in ("\n", "At", " ten", " [", "1", "]", ".")] == [
        "",
        "At",
        " ten",
        " ",
        "",
        "[1]",
        ".",
    ]


@given(st.lists(st.text(alphabet="ab <>/[]|think1\n", max_size=8)))
def test_stream_of_any_pieces_ends_without_an_error(pieces: list[str]) -> None:
    spoken = ReplyFilter()
    passed = "".join(map(spoken.feed, pieces)) + spoken.finish()
    assert len(passed) <= len("".join(pieces))


@pytest.mark.parametrize(
    ("text", "opening", "defect"),
    [
        ("At ten.", OPENING, ""),
        ("", "", "it wrote nothing"),
        ("[1] [2] [3]", OPENING, "it cited passages and said nothing"),
        ("[1, 2]", "", ""),
        (f"{OPENING.replace(' ', chr(10))}. Each stands", OPENING, "it repeated the prompt"),
        (f"You wrote: {OPENING}", "", ""),
    ],
)
def test_defect_of_a_reply_is_named(text: str, opening: str, defect: str) -> None:
    assert find_defect(text, opening) == defect
