"""Evaluation files give examples with their sources, and errors that name the file and line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import DocumentError
from training.evaluation.dataset import Example, paragraph_source, parse_line, read_dataset

PARAGRAPH = {"context": "Anna built it.", "qas": [{"question": "Who?", "answers": [{"text": "Anna"}]}]}
WORDS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


def write_squad(folder: Path, *articles: dict[str, Any]) -> Path:
    file = folder / "squad.json"
    file.write_text(json.dumps({"data": articles}), "utf-8")
    return file


def write_lines(folder: Path, text: str) -> Path:
    file = folder / "rows.jsonl"
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(
    ("title", "number", "source"),
    [
        ("Oil", 0, "Oil/000.txt"),
        ("Oil", 41, "Oil/041.txt"),
        ("Oil", 1000, "Oil/1000.txt"),
        ("AC/DC/live", 7, "AC_DC_live/007.txt"),
    ],
)
def test_paragraph_source_is_title_and_number(title: str, number: int, source: str) -> None:
    assert paragraph_source(title, number) == source


def test_emptied_paragraph_is_left_out_and_others_stay_numbered(tmp_path: Path) -> None:
    emptied = PARAGRAPH | {"context": " \n"}
    dataset = read_dataset(write_squad(tmp_path, {"title": "a/b", "paragraphs": [PARAGRAPH, emptied, PARAGRAPH]}))
    assert dataset.paragraphs == {"a_b/000.txt": "Anna built it.", "a_b/002.txt": "Anna built it."}
    assert [(example.source, example.article) for example in dataset.examples] == [
        ("a_b/000.txt", "a/b"),
        ("a_b/002.txt", "a/b"),
    ]


def test_paragraph_without_questions_is_indexed_all_the_same(tmp_path: Path) -> None:
    silent = {"context": "Nobody asks.", "qas": []}
    dataset = read_dataset(write_squad(tmp_path, {"title": "a", "paragraphs": [PARAGRAPH, silent]}))
    assert (len(dataset.examples), list(dataset.paragraphs)) == (1, ["a/000.txt", "a/001.txt"])


def test_articles_are_read_in_their_order(tmp_path: Path) -> None:
    articles = [{"title": title, "paragraphs": [PARAGRAPH]} for title in ("b", "a", "c")]
    assert list(read_dataset(write_squad(tmp_path, *articles)).paragraphs) == ["b/000.txt", "a/000.txt", "c/000.txt"]


@pytest.mark.parametrize(
    ("entry", "answers", "is_answerable"),
    [
        ({"answers": [{"text": "b"}, {"text": "a"}, {"text": "b"}]}, ("b", "a"), True),
        ({"answers": [], "is_impossible": True}, (), False),
        ({"answers": [{"text": "a"}], "is_impossible": False}, ("a",), True),
        ({"answers": []}, (), True),
    ],
)
def test_squad_question_has_distinct_answers_in_order(
    entry: dict[str, Any], answers: tuple[str, ...], is_answerable: bool, tmp_path: Path
) -> None:
    paragraph = {"context": "Text.", "qas": [{"question": "Q?"} | entry]}
    (example,) = read_dataset(write_squad(tmp_path, {"title": "a", "paragraphs": [paragraph]})).examples
    assert example == Example("Q?", answers, "a/000.txt", "Text.", "a", is_answerable)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("no", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError"),
        ('{"data": [{"title": "a", "paragraphs": [{"context": "x"}]}]}', "KeyError"),
        ('{"data": [{"paragraphs": [{"context": "x", "qas": []}]}]}', "KeyError"),
        ('{"data": [{"title": "a", "paragraphs": 5}]}', "TypeError"),
        ('{"data": [{"title": 5, "paragraphs": [{"context": "x", "qas": []}]}]}', "AttributeError"),
    ],
)
def test_file_that_is_no_squad_is_refused_with_advice(text: str, error: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(text, "utf-8")
    with pytest.raises(DocumentError) as refusal:
        read_dataset(file)
    assert str(refusal.value) == f"{file} is not in SQuAD's format ({error}); JSON lines belong in a .jsonl file"


@pytest.mark.parametrize("content", [b"\xff\xfe", '{"question": "Größe?"}'.encode("latin-1")])
def test_file_that_is_not_utf_8_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    sentence = f"{file} cannot be read (UnicodeDecodeError); name a SQuAD file or JSON lines"
    with pytest.raises(DocumentError, match=f"^{re.escape(sentence)}$"):
        read_dataset(file)


def test_file_is_named_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sentence = f"{tmp_path / 'none.jsonl'} cannot be read (FileNotFoundError); name a SQuAD file or JSON lines"
    with pytest.raises(DocumentError, match=f"^{re.escape(sentence)}$"):
        read_dataset(Path("none.jsonl"))
    (tmp_path / "empty.jsonl").touch()
    sentence = f"{tmp_path / 'empty.jsonl'} contains no example; add a question or a prompt"
    with pytest.raises(DocumentError, match=f"^{re.escape(sentence)}$"):
        read_dataset(Path("empty.jsonl"))


def test_squad_with_questions_of_emptied_paragraphs_only_is_refused(tmp_path: Path) -> None:
    emptied = PARAGRAPH | {"context": ""}
    with pytest.raises(DocumentError, match="contains no example"):
        read_dataset(write_squad(tmp_path, {"title": "a", "paragraphs": [emptied]}))


@pytest.mark.parametrize(
    "line",
    ["[1]", '"text"', "5", "null", "{}", '{"question": "q", "answer": 5}', '{"question"', '{"question": null}',
     '{"question": "q", "answer": [1]}'],
)  # fmt: skip
def test_invalid_line_is_refused_with_its_number(line: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path, f'{{"question": "q"}}\n\n \n{line}\n')
    with pytest.raises(DocumentError) as refusal:
        read_dataset(file)
    assert str(refusal.value) == f'{file}:4: expected {{"question": "…", "answer": "…", "source": "…"}}'


def test_only_the_suffix_json_means_squad(tmp_path: Path) -> None:
    file = tmp_path / "rows.txt"
    file.write_text('{"question": "q", "answer": "a"}', "utf-8")
    dataset = read_dataset(file)
    assert (dataset.examples, dataset.paragraphs) == ([Example("q", ("a",))], {})


@pytest.mark.parametrize(
    ("entry", "example"),
    [
        ({"question": "q"}, Example("q", is_answerable=False)),
        ({"question": "q", "answer": None, "source": "s"}, Example("q", source="s", is_answerable=False)),
        ({"question": "q", "answer": [], "source": "s"}, Example("q", source="s", is_answerable=False)),
        ({"question": "q", "source": "s"}, Example("q", source="s")),
        ({"question": "q", "source": None}, Example("q", is_answerable=False)),
        ({"question": "q", "source": 5}, Example("q", source="5")),
        ({"question": "q", "expected_response": "R."}, Example("q", expected_response="R.")),
        (
            {"question": "q", "answer": "", "expected_response": "R."},
            Example("q", is_answerable=False, expected_response="R."),
        ),
        ({"prompt": "p", "source": "s"}, Example("", source="s", prompt="p")),
        ({"question": "q", "prompt": ""}, Example("q", is_answerable=False)),
        ({"question": "q", "answer": ["a", "a"]}, Example("q", ("a", "a"))),
        ({"question": "q", "answer": "a", "unknown": 1}, Example("q", ("a",))),
    ],
)
def test_line_says_whether_the_documents_hold_an_answer(entry: dict[str, Any], example: Example) -> None:
    assert parse_line(json.dumps(entry)) == example


@pytest.mark.parametrize("entry", [{"answer": "a"}, {"prompt": "", "answer": "a"}, {"prompt": None}])
def test_line_without_question_and_prompt_is_a_key_error(entry: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="question"):
        parse_line(json.dumps(entry))


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), WORDS, WORDS, WORDS)
@settings(max_examples=50)
def test_written_line_reads_as_the_same_example(
    question: str, answers: list[str], source: str, response: str, prompt: str
) -> None:
    entry = {"question": question, "answer": answers, "source": source}
    entry |= {"expected_response": response, "prompt": prompt}
    assert parse_line(json.dumps(entry)) == Example(
        question, tuple(answers), source, expected_response=response, prompt=prompt
    )


@pytest.mark.parametrize(
    ("example", "text"),
    [
        (Example("q", ("a", "b"), expected_response="R."), "R."),
        (Example("q", ("a", "b")), "a"),
        (Example("q"), ""),
    ],
)
def test_judges_compare_with_the_response_or_the_first_answer(example: Example, text: str) -> None:
    assert example.expected_text == text


@pytest.mark.parametrize(
    ("example", "source", "text", "is_match"),
    [
        (Example("q", ("Graz",)), "any.txt", "It is in GRAZ.", True),
        (Example("q", ("Wels", "LINZ")), "any.txt", "It is in Linz.", True),
        (Example("q", ("New York",)), "any.txt", "in New\n  York", True),
        (Example("q"), "any.txt", "text", False),
        (Example("q", ("Graz",), "a.txt"), "a.txt", "about Linz", True),
        (Example("q", ("Graz",), "a.txt"), "A.txt", "in Graz", False),
        (Example("q", ("Graz",), context="One  two.\nThree."), "any.txt", "two. Three.", True),
        (Example("q", ("Graz",), context="two."), "any.txt", "One\ttwo. Three.", True),
        (Example("q", ("Graz",), context="One two."), "any.txt", "two. Graz", False),
        (Example("q", ("Graz",), context="One two."), "any.txt", "one two.", False),
        (Example("q", ("Graz",), "a.txt", context="One two."), "b.txt", "One two.", False),
    ],
)
def test_passage_is_right_by_document_paragraph_or_answer(
    example: Example, source: str, text: str, is_match: bool
) -> None:
    assert example.matches_source({"source": source, "text": text}) is is_match


def test_line_may_contain_the_other_ends_of_a_line(tmp_path: Path) -> None:
    file = write_lines(tmp_path, '{"question": "a\u2028b"}\n')
    assert [example.question for example in read_dataset(file).examples] == ["a\u2028b"]
