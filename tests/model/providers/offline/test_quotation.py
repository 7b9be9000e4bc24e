"""Quotations: whole blocks, parts of long ones, antecedents, and no markup."""

import pytest

from model.blocks import BlockSpan, ListItem, make_code, make_fields, make_list
from model.excerpts import Excerpt
from model.passages import Chunk
from model.providers.offline.question import read_question
from model.providers.offline.quotation import (
    MAX_ANSWER,
    Quotation,
    add_antecedents,
    add_following,
    join_quotations,
    quote_excerpt,
)


def make_quotation(text: str, excerpt: Excerpt, heading: str = "", stems: frozenset[str] = frozenset()) -> Quotation:
    chunk = Chunk("a.md", "", heading, 0, 0, len(text), text)
    return Quotation("", 0, 1.0, chunk, excerpt, stems=stems)


def quote(question: str, excerpt: Excerpt, heading: str = "", stems: frozenset[str] = frozenset()) -> str:
    return quote_excerpt(make_quotation(excerpt.text, excerpt, heading, stems), read_question(question)).text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("The **pump** runs `daily`.", "The pump runs daily."),
        ("The pump runs daily [3] and [12].", "The pump runs daily and."),
        ("See [the plan](https://example.org/plan) first.", "See the plan first."),
        ("Two\nlines  here.", "Two lines here."),
        ("Set `MAX__RETRIES` to `limits[0] ** 2`.", "Set MAX__RETRIES to limits[0] ** 2."),
        ("MAX__RETRIES is 2**8 or 2 ** 8.", "MAX__RETRIES is 2**8 or 2 ** 8."),
        ("__Never__ run (**ever**) it.", "Never run (ever) it."),
        ("これは**重要**です。", "これは重要です。"),
        ("It runs.[citation needed] It stops[by whom?] [note 2] daily.[edit]", "It runs. It stops daily."),
    ],
)
def test_markup_and_references_are_left_out(text: str, quoted: str) -> None:
    assert quote("What runs?", Excerpt("paragraph", text, 0)) == quoted


def test_long_text_ends_before_a_word() -> None:
    quoted = quote("What runs?", Excerpt("paragraph", "pump " * 200, 0))
    assert len(quoted) <= MAX_ANSWER - 5
    assert quoted.endswith("pump…")


def test_identifier_that_only_the_heading_has_is_quoted_with_it() -> None:
    excerpt = Excerpt("paragraph", "The keypad lock is active.", 0)
    assert quote("What is HX-7201?", excerpt, "Errors > HX-7201") == "HX-7201: The keypad lock is active."
    assert quote("What is the lock?", excerpt, "Errors > HX-7201") == "The keypad lock is active."


def test_procedure_is_the_whole_list() -> None:
    block = make_list([ListItem("1.", "Open the lid."), ListItem("2.", "Press the key.")], "To reset:")
    excerpt = Excerpt("list", "Press the key.", 0, "To reset:", "To reset: 1. Open the lid.; 2. Press the key.")
    assert quote("How do I reset it?", excerpt) == "To reset: 1. Open the lid.; 2. Press the key."
    assert quote("Which key is pressed?", excerpt) == "Press the key."
    assert block.text.count("\n") == 2


def test_long_record_is_quoted_with_its_name_and_what_is_asked() -> None:
    fields = [("code", "PX-200"), *((f"property {number}", "x" * 30) for number in range(8)), ("price", "88.00 EUR")]
    excerpt = Excerpt("fields", make_fields(fields).text.replace("\n", "; "), 0)
    assert quote("What is the price?", excerpt, stems=frozenset({"price"})) == "code: PX-200; price: 88.00 EUR"
    assert quote("What is it?", excerpt, stems=frozenset({"zebra"})).startswith("code: PX-200; property 0")


def test_code_is_quoted_from_the_line_that_shares_most() -> None:
    lines = [f"value_{number} = {number}  # a line that makes the code long enough" for number in range(12)]
    code = "\n".join([*lines, "def compress_log(path):", "    return zip(path)"])
    assert make_code(code).text.startswith("```")
    quoted = quote("Which function compresses a log?", Excerpt("code", code, 0))
    assert quoted == "def compress_log(path):\n    return zip(path)"


def test_code_is_quoted_as_it_is() -> None:
    code = "    def __init__(self):\n        self.first = limits[0] ** 2  # `a`"
    quoted = quote("How is it made?", Excerpt("code", code, 0))
    assert quoted == "def __init__(self):\n    self.first = limits[0] ** 2  # `a`"


def make_sentences() -> tuple[Quotation, Quotation]:
    text = "The pump stands in hall 4. It was built in Graz. It needs oil."
    chunk = Chunk("a.md", "", "", 0, 0, len(text), text, (), (BlockSpan("paragraph", 0, len(text)),))
    first, second = ("It was built in Graz.", text.index("It was")), ("It needs oil.", text.index("It needs"))
    built, needs = (
        Quotation(part, 0, 1.0, chunk, Excerpt("paragraph", part, start)) for part, start in (first, second)
    )
    return built, needs


def test_sentence_that_begins_with_a_pronoun_brings_the_one_before() -> None:
    built, _ = make_sentences()
    assert [quotation.text for quotation in add_antecedents([built])] == [
        "The pump stands in hall 4. It was built in Graz."
    ]


def test_first_sentence_brings_the_one_that_follows_it() -> None:
    built, needs = make_sentences()
    assert [quotation.text for quotation in add_following([built])] == ["It was built in Graz. It needs oil."]
    assert add_following([built, needs]) == [built, needs]
    assert add_following([needs]) == [needs]


def test_labels_are_separated_by_dots() -> None:
    built, needs = make_sentences()
    assert "".join(join_quotations([built, needs])) == "It was built in Graz. [1] It needs oil. [1]"
    labelled = Quotation(
        **{name: getattr(needs, name) for name in ("text", "position", "score", "chunk", "excerpt")}, label="2025"
    )
    assert "".join(join_quotations([labelled, built])) == "2025: It needs oil. [1] · It was built in Graz. [1]"
