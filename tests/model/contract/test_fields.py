"""Fields: the values that each kind accepts, returns and describes."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract.fields import FIELD_KINDS, Field, FieldKind
from model.errors import InvalidRequestError, StageFailedError

SHORT_TEXT = Field("title", "text", maximum=3)
STYLE = Field("style", "text", choices=("map", "flow"))
COUNT = Field("k", "integer", minimum=2, maximum=50)
FILTER = Field("filter", "object", fields=(Field("page", "integer"), Field("tag", "text")))
TEXTS = Field("notes", "list")
ROWS = Field("rows", "list", fields=(Field("text", "text", required=True, maximum=3), Field("page", "integer")))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=5,
)


def iterate_values(value: object) -> Iterator[object]:
    """Yield a JSON value and all values inside it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for inner_value in inner:
        yield from iterate_values(inner_value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (SHORT_TEXT, "a"),
        (SHORT_TEXT, "abc"),
        (SHORT_TEXT, " a "),
        (Field("text", "text"), "a" * 200_000),
        (Field("picture", "image"), "aGk="),
        (STYLE, "flow"),
        (COUNT, 2),
        (COUNT, 50),
        (Field("n", "integer"), -7),
        (Field("n", "integer", minimum=5), 4),
        (Field("x", "number"), 3),
        (Field("x", "number"), -0.5),
        (Field("flag", "boolean"), False),
        (FILTER, {}),
        (FILTER, {"tag": ["a", "b"]}),
        (FILTER, {"page": 1, "tag": "a"}),
        (TEXTS, []),
        (TEXTS, ["", "a"]),
        (TEXTS, "{qa.sources}"),
        (ROWS, [{"text": "abc"}]),
        (ROWS, [{"text": "a", "page": 3, "score": 0.5}]),
        (ROWS, [{"text": "a", "page": None}, {"text": "b", "page": 0}]),
    ],
)
def test_value_that_fits_is_returned_unchanged(field: Field, value: object) -> None:
    parsed = field.parse(value)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (SHORT_TEXT, "abcd", "expected text of 1 to 3 characters"),
        (SHORT_TEXT, "", "expected text of 1 to 3 characters"),
        (SHORT_TEXT, " \n", "expected text of 1 to 3 characters"),
        (SHORT_TEXT, ["a"], "expected text of 1 to 3 characters"),
        (Field("text", "text", maximum=10_000), None, "expected text of 1 to 10,000 characters"),
        (Field("text", "text"), 5, "expected text"),
        (Field("picture", "image"), b"a", "expected text"),
        (Field("picture", "image", maximum=4), "aGk=a", "expected text of 1 to 4 characters"),
        (STYLE, "Flow", "expected one of map, flow"),
        (STYLE, "", "expected one of map, flow"),
        (COUNT, 1, "expected a whole number from 2 to 50"),
        (COUNT, 51, "expected a whole number from 2 to 50"),
        (COUNT, 2.5, "expected a whole number from 2 to 50"),
        (COUNT, 51.0, "expected a whole number from 2 to 50"),
        (COUNT, "3", "expected a whole number from 2 to 50"),
        (Field("n", "integer"), True, "expected a whole number"),
        (Field("n", "integer"), float("nan"), "expected a whole number"),
        (Field("n", "integer"), float("inf"), "expected a whole number"),
        (Field("n", "integer"), None, "expected a whole number"),
        (Field("x", "number"), True, "expected a number"),
        (Field("x", "number"), "1", "expected a number"),
        (Field("flag", "boolean"), 2, "expected true or false"),
        (Field("flag", "boolean"), "yes", "expected true or false"),
        (Field("flag", "boolean"), [], "expected true or false"),
        (FILTER, {"pages": 1}, "expected an object with page, tag"),
        (FILTER, ["page"], "expected an object with page, tag"),
        (TEXTS, ["a", 1], "expected a list of texts"),
        (TEXTS, "a", "expected a list of texts"),
        (TEXTS, "see {qa.sources}", "expected a list of texts"),
        (TEXTS, "{qa}", "expected a list of texts"),
        (TEXTS, ("a",), "expected a list of texts"),
        (ROWS, [{"page": 1}], "expected a list of objects with text"),
        (ROWS, [{"text": "a"}, {"text": "abcd"}], "expected text of 1 to 3 characters for text of each object"),
        (ROWS, [{"text": "a", "page": "one"}], "expected a list of objects with text"),
        (ROWS, ["a"], "expected a list of objects with text"),
        (ROWS, {"text": "a"}, "expected a list of objects with text"),
    ],
)
def test_value_that_does_not_fit_raises_what_was_expected(field: Field, value: object, message: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        field.parse(value)
    assert str(error.value) == message


def test_whole_float_becomes_integer() -> None:
    parsed = COUNT.parse(3.0)
    assert (parsed, type(parsed)) == (3, int)


@given(st.integers())
def test_integer_fits_between_minimum_and_maximum_only(value: int) -> None:
    try:
        fits = COUNT.parse(value) == value
    except InvalidRequestError:
        fits = False
    assert fits == (value in range(2, 51))


@pytest.mark.parametrize(
    ("kind", "empty", "example"),
    [
        ("text", "", "text"),
        ("image", "", "text"),
        ("integer", 0, 1),
        ("number", 0.0, 1.0),
        ("boolean", False, True),
        ("object", {}, {}),
        ("list", [], ["text"]),
    ],
)
def test_each_kind_has_an_empty_value_and_an_example(kind: FieldKind, empty: object, example: object) -> None:
    field = Field("f", kind)
    assert (field.empty_value, type(field.empty_value)) == (empty, type(empty))
    assert (field.example_value, type(field.example_value)) == (example, type(example))
    assert field.serialize(None) == empty


def test_empty_value_of_object_contains_each_field() -> None:
    assert FILTER.empty_value == {"page": 0, "tag": ""}
    assert ROWS.empty_value == []


@pytest.mark.parametrize(
    ("field", "example"),
    [
        (Field("q", "text", example="Why?"), "Why?"),
        (Field("q", "text", choices=("a", "b"), example=""), ""),
        (STYLE, "map"),
        (COUNT, 2),
        (Field("n", "integer", minimum=-3, maximum=9), 1),
        (FILTER, {"page": 1, "tag": "text"}),
        (ROWS, [{"text": "text", "page": 1}]),
    ],
)
def test_example_is_the_declared_one_or_a_plain_value(field: Field, example: object) -> None:
    assert field.example_value == example


@pytest.mark.parametrize("field", [STYLE, COUNT, FILTER, TEXTS, *(Field("f", kind) for kind in FIELD_KINDS)])
def test_plain_example_fits_its_own_field(field: Field) -> None:
    assert field.parse(field.example_value) == field.example_value


@pytest.mark.parametrize(
    ("field", "value", "serialized"),
    [
        (Field("n", "integer"), 3.0, 3),
        (Field("n", "integer"), -2, -2),
        (Field("x", "number"), 3, 3.0),
        (Field("x", "number"), 0.25, 0.25),
        (Field("flag", "boolean"), True, True),
        (Field("text", "text"), "", ""),
        (Field("picture", "image"), "aGk=", "aGk="),
        (SHORT_TEXT, "a text above the maximum", "a text above the maximum"),
        (COUNT, 99, 99),
        (FILTER, {"tag": "a", "undeclared": 1}, {"page": 0, "tag": "a"}),
        (FILTER, {"page": 2.0, "tag": None}, {"page": 2, "tag": ""}),
        (TEXTS, ("a", None), ["a", ""]),
        (ROWS, [{"text": "a", "page": 1.0}, None], [{"text": "a", "page": 1}, {"text": "", "page": 0}]),
    ],
)
def test_output_is_serialized_in_its_declared_type(field: Field, value: object, serialized: object) -> None:
    result = field.serialize(value)
    assert (result, type(result)) == (serialized, type(serialized))


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        (Field("n", "integer"), 2.5, "n is declared as integer"),
        (Field("n", "integer"), True, "n is declared as integer"),
        (Field("n", "integer"), "3", "n is declared as integer"),
        (Field("x", "number"), False, "x is declared as number"),
        (Field("x", "number"), "1", "x is declared as number"),
        (Field("flag", "boolean"), 1, "flag is declared as boolean"),
        (Field("text", "text"), 1, "text is declared as text"),
        (Field("picture", "image"), b"a", "picture is declared as image"),
        (FILTER, [], "filter is declared as object"),
        (FILTER, {"page": "a"}, "page is declared as integer"),
        (TEXTS, "a", "notes is declared as list"),
        (TEXTS, [1], "notes is declared as text"),
        (ROWS, ["a"], "rows is declared as object"),
        (ROWS, [{"text": 1}], "text is declared as text"),
    ],
)
def test_output_of_another_type_raises_stage_failed_error(field: Field, value: object, name: str) -> None:
    with pytest.raises(StageFailedError) as error:
        field.serialize(value)
    assert str(error.value) == f"its output {name} and is not; mend the stage"


@given(st.sampled_from([*(Field("f", kind) for kind in FIELD_KINDS), FILTER, ROWS]), json_values)
def test_serialized_output_contains_no_null_and_stays_the_same(field: Field, value: object) -> None:
    try:
        serialized = field.serialize(value)
    except StageFailedError:
        return
    assert None not in iterate_values(serialized)
    assert field.serialize(serialized) == serialized


@pytest.mark.parametrize(
    ("field", "required"),
    [
        (Field("q", "text", required=True), True),
        (Field("q", "text", required=True, default="x"), False),
        (Field("q", "text", required=True, default=""), False),
        (Field("q", "text"), False),
        (Field("q", "text", default="x"), False),
    ],
)
def test_default_of_profile_frees_the_caller_from_a_required_field(field: Field, required: bool) -> None:
    assert field.required_from_caller is required


@pytest.mark.parametrize(
    ("field", "declaration"),
    [
        (Field("q", "text"), {}),
        (Field("q", "text", "A question.", required=True), {"description": "A question.", "required": True}),
        (Field("q", "text", required=True, default="secret prompt"), {"default": True}),
        (Field("q", "text", default=""), {"default": True}),
        (Field("q", "text", maximum=9), {"least": 0, "most": 9}),
        (Field("q", "text", minimum=3), {}),
        (Field("q", "text", choices=("a", "b")), {"choices": ["a", "b"]}),
        (Field("q", "text", example="Why?"), {}),
    ],
)
def test_declaration_names_only_what_is_set(field: Field, declaration: dict[str, Any]) -> None:
    assert field.describe() == {"name": "q", "kind": "text", "description": ""} | declaration


def test_declaration_of_list_contains_the_fields_of_an_entry() -> None:
    assert ROWS.describe()["fields"] == [
        {"name": "text", "kind": "text", "description": "", "required": True, "least": 0, "most": 3},
        {"name": "page", "kind": "integer", "description": ""},
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((value, True) for value in (True, 1, 1.0, "true", " TRUE ", "1")),
        *((value, False) for value in (False, 0, 0.0, "false", "False", "0")),
    ],
)
def test_boolean_is_also_read_from_numbers_and_texts(value: object, expected: bool) -> None:
    assert Field("flag", "boolean").parse(value) is expected


CHOICE = Field("filter", "object", fields=(Field("source", "text"), Field("page", "integer")))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"source": "a", "page": 1},
        {"source": ["a", None], "page": [1, 2.0]},
        {"page": None},
        {"source": "", "page": 0},
    ],
)
def test_object_holds_values_of_the_kinds_of_its_fields_or_lists_of_them(value: object) -> None:
    assert CHOICE.parse(value) == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"source": 5}, "source: expected text, or a list of at most 10,000"),
        ({"source": {"a": 1}}, "source: expected text, or a list of at most 10,000"),
        ({"source": [["a"]]}, "source: expected text, or a list of at most 10,000"),
        ({"source": "a" * 10_001}, "source: expected text, or a list of at most 10,000"),
        ({"source": ["a"] * 10_001}, "source: expected text, or a list of at most 10,000"),
        ({"page": "0"}, "page: expected a whole number, or a list of at most 10,000"),
        ({"page": False}, "page: expected a whole number, or a list of at most 10,000"),
        ({"page": 3.5}, "page: expected a whole number, or a list of at most 10,000"),
    ],
)
def test_object_with_a_value_of_another_kind_is_refused(value: object, message: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        CHOICE.parse(value)
    assert str(error.value) == message


def test_list_has_as_many_entries_as_declared() -> None:
    turns = Field("history", "list", maximum=2, fields=(Field("question", "text", required=True),))
    assert turns.parse([{"question": "a"}, {"question": None}]) == [{"question": "a"}, {"question": None}]
    with pytest.raises(InvalidRequestError, match=r"^expected a list of at most 2 objects with question$"):
        turns.parse([{"question": "a"}] * 3)
