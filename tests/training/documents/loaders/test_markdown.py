"""Blocks and front matter of Markdown."""

import pytest

from model.blocks import parse_fields, parse_list, parse_question, parse_table
from training.documents.loaders.markdown import read_markdown, split_front_matter

from .conftest import ReadContent


def test_front_matter_gives_title_tags_and_fields(read_content: ReadContent) -> None:
    text = "---\ntitle: Holiday policy\nauthor: Personnel office\ntags: [leave, holiday]\n---\n\nText.\n\n---\n\nMore."
    (document,), notes = read_content("a.md", text)
    assert (document.title, notes) == ("Holiday policy", [])
    assert document.tags == ("author=Personnel office", "tags=leave", "tags=holiday")
    assert parse_fields(document.blocks[0].text) == [("author", "Personnel office"), ("tags", "leave, holiday")]
    assert [block.text for block in document.blocks[1:]] == ["Text.", "More."]


@pytest.mark.parametrize("text", ["---\n- a\n---\nText.", "---\n{\n---\nText.", "--- x\nText.", "Text."])
def test_lines_that_are_no_front_matter_stay(text: str) -> None:
    assert split_front_matter(text) == ({}, text)


def test_emphasis_links_and_comments_are_read_as_text() -> None:
    (block,) = read_markdown(
        "Oil it **once** a `year` <!-- no -->[here](https://x.example/a), [there](b.md) or <b>now</b>."
    )
    assert block.text == "Oil it once a year here (https://x.example/a), there or now."


def test_table_keeps_header_and_cells() -> None:
    (block,) = read_markdown("| Plan | Price |\n| --- | ---: |\n| Team | 29 \\| 30 |\n| Big | |\n")
    table = parse_table(block.text)
    assert (table.header, table.rows) == (("Plan", "Price"), (("Team", "29 | 30"), ("Big", "")))


def test_nested_list_keeps_depth_and_numbers() -> None:
    (block,) = read_markdown("3. three\n   - inner\n4. four\n")
    assert [(item.marker, item.text, item.depth) for item in parse_list(block.text)[1]] == [
        ("3.", "three", 0),
        ("-", "inner", 1),
        ("4.", "four", 0),
    ]


def test_code_is_kept_with_its_lines_and_is_no_heading() -> None:
    blocks = list(read_markdown("# A\n\n```sh\n# not a heading\nrun it\n```\n"))
    assert [(block.kind, block.text) for block in blocks] == [
        ("heading", "A"),
        ("code", "```\n# not a heading\nrun it\n```"),
    ]


def test_question_paragraph_and_definition_become_questions() -> None:
    blocks = list(read_markdown("**Who pays?**\n\nThe firm.\n\nSLA\n: An agreement."))
    assert [parse_question(block.text) for block in blocks] == [("Who pays?", "The firm."), ("SLA", "An agreement.")]


def test_line_separator_of_unicode_is_no_line_end(read_content: ReadContent) -> None:
    (document,), _ = read_content("a.md", "# A\n\nOne\u2028two\x0bthree.\n\n## B\n\nText.")
    assert [block.kind for block in document.blocks] == ["heading", "paragraph", "heading", "paragraph"]
