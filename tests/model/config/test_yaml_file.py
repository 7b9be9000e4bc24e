"""YAML files: their values, the lines of their entries, and mistakes."""

from pathlib import Path
from typing import Any

import pytest

from model.config.yaml_file import YamlFile
from model.errors import ProfileError

CONTENT = """\
# A comment.
index:
  chunk_size: 800

stages:
  qa:
    chat: {provider: offline,
      quotes: 2}
    names: [a, b]
  7: seven
"""


def write_file(folder: Path, content: str | bytes) -> Path:
    """Write ``mine.yaml`` into ``folder`` and return its path."""
    file = folder / "mine.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: 1\nb: [x, 2.5, true, null]\n", {"a": 1, "b": ["x", 2.5, True, None]}),
        ("- a\n- {b: ü}\n", ["a", {"b": "ü"}]),
        ("text", "text"),
        ("a: &limits {n: 1}\nb: *limits\n", {"a": {"n": 1}, "b": {"n": 1}}),
    ],
)
def test_values_are_those_of_the_file(content: str, values: Any, tmp_path: Path) -> None:
    assert YamlFile(write_file(tmp_path, content)).values == values


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("index",), 2),
        (("index", "chunk_size"), 3),
        (("index", "overlap"), 2),
        (("index", "chunk_size", "inner"), 3),
        (("indx",), 1),
        (("indx", "chunk_size"), 1),
        (("stages",), 5),
        (("stages", "qa", "chat", "provider"), 7),
        (("stages", "qa", "chat", "quotes"), 8),
        (("stages", "qa", "names", "0"), 9),
        (("stages", "7"), 10),
    ],
)
def test_location_is_the_nearest_entry_that_exists(path: tuple[str, ...], line: int, tmp_path: Path) -> None:
    file = write_file(tmp_path, CONTENT)
    assert YamlFile(file).locate(*path) == f"{file}:{line}"


def test_location_in_an_empty_file_is_its_first_line(tmp_path: Path) -> None:
    file = write_file(tmp_path, "")
    assert YamlFile(file).locate("stages", "qa") == f"{file}:1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\na: 2\n", ":2: a is there twice; give one of them another name"),
        ("a: 1\n'a': 2\n", ":2: a is there twice; give one of them another name"),
        ("x:\n  b: 1\n  c: 2\n  b: 3\n", ":4: b is there twice; give one of them another name"),
        ("x:\n- {c: 1}\n- d: 1\n  d: 2\n", ":4: d is there twice; give one of them another name"),
        ("a: 1\nb: 2\nb: 3\na: 4\n", ":3: b is there twice; give one of them another name"),
        ("a: [\n", ":2: the file is not YAML: expected the node content, but found '<stream end>'"),
        ("a: 1\nb: {c: 1\nd: 2}\n", ":3: the file is not YAML: expected ',' or '}', but got ':'"),
        ("a: *limits\n", ":1: the file is not YAML: found undefined alias 'limits'"),
        ("a: 1\n\tb: 2\n", ":2: the file is not YAML: found character '\\t' that cannot start any token"),
        ("a: !x 1\n", ":1: the file is not YAML: could not determine a constructor for the tag '!x'"),
        ("a: \x07\n", ": the file contains characters that YAML does not allow"),
        (b"a: \xff\n", ": the file is not UTF-8 text"),
    ],
)  # fmt: skip
def test_mistake_in_a_file_is_reported_with_its_line(content: str | bytes, message: str, tmp_path: Path) -> None:
    file = write_file(tmp_path, content)
    with pytest.raises(ProfileError) as error:
        YamlFile(file)
    assert str(error.value) == f"{file}{message}"


def test_equal_keys_of_different_mappings_are_no_mistake(tmp_path: Path) -> None:
    content = "a: {n: 1, m: 2}\nb: {n: 1}\nrows: [{n: 1}, {n: 2}, n, n]\n"
    assert YamlFile(write_file(tmp_path, content)).values["rows"] == [{"n": 1}, {"n": 2}, "n", "n"]
