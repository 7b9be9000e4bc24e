"""Requests in every form in which MLflow passes them on."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract.requests import MAX_ROWS, Request, parse_requests, to_plain
from model.errors import InvalidRequestError
from model.profile import Profile

CONTRACT = Profile.read("offline").contract

texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30).filter(str.strip)
filters = st.fixed_dictionaries({}, optional={"source": texts | st.lists(texts, max_size=2), "page": st.integers(0, 9)})
questions = st.fixed_dictionaries(
    {"question": texts}, optional={"k": st.integers(1, 50), "filter": filters.filter(bool), "purpose": texts}
)
prompts = st.fixed_dictionaries({"prompt": texts}, optional={"sample": st.integers(1, 100)})
requests = st.fixed_dictionaries({}, optional={"qa": questions, "image_generation": prompts}).filter(bool)


def drop_undeclared_fields(request: dict[str, dict[str, object]]) -> Request:
    return Request({name: {k: v for k, v in values.items() if k != "purpose"} for name, values in request.items()})


class Row(tuple[object, ...]):
    """Tuple with named fields, like a row of Spark."""

    __slots__ = ()
    __fields__ = ("question",)

    def asDict(self) -> dict[str, object]:  # noqa: N802 - Spark's name
        return {"question": self[0]}


class PydanticObject:
    """Object with the method of a pydantic model."""

    def model_dump(self) -> dict[str, object]:
        return {"question": "q"}


def test_rows_of_a_call_are_bounded() -> None:
    rows = [{"image_generation": {"run": False}}] * MAX_ROWS
    assert len(parse_requests(rows, CONTRACT).requests) == 10_000
    for too_many in ([*rows, {}], pd.DataFrame([*rows, {}]), pd.Series([None] * 10_001, name="qa")):
        with pytest.raises(
            InvalidRequestError, match=r"^expected at most 10,000 rows in one call; send them in several"
        ):
            parse_requests(too_many, CONTRACT)


@given(requests)
def test_dict_that_pandas_spread_over_rows_is_one_request(request: dict[str, dict[str, object]]) -> None:
    call = parse_requests(pd.DataFrame(request), CONTRACT)
    assert call.single
    assert call.requests == [drop_undeclared_fields(request)]


@given(st.lists(requests, min_size=1, max_size=4))
def test_rows_of_a_frame_equal_the_same_requests_in_a_list(rows: list[dict[str, dict[str, object]]]) -> None:
    frame = parse_requests(pd.DataFrame(rows), CONTRACT)
    assert not frame.single
    assert frame == parse_requests(rows, CONTRACT)
    assert frame.requests == [drop_undeclared_fields(row) for row in rows]


@given(st.lists(requests, min_size=1, max_size=4))
def test_frame_with_custom_row_labels_is_several_requests(rows: list[dict[str, dict[str, object]]]) -> None:
    labels = [f"row {number}" for number in range(len(rows))]
    call = parse_requests(pd.DataFrame(rows, index=labels), CONTRACT)
    assert not call.single
    assert call.requests == [drop_undeclared_fields(row) for row in rows]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (np.nan, None),
        (pd.NA, None),
        (pd.NaT, None),
        (np.float64("nan"), None),
        (np.int64(3), 3),
        (np.array("q"), "q"),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array({"question": "q"}, dtype=object), {"question": "q"}),
        (Row(("q",)), {"question": "q"}),
        (PydanticObject(), {"question": "q"}),
        ({"filter": {"source": np.array(["a"])}, "k": np.nan}, {"filter": {"source": ["a"]}, "k": None}),
        (("a", None), ["a", None]),
        (True, True),
        (Decimal(2), 2),
        (Decimal("2.5"), 2.5),
        ("a\x00b\x1f\n", "a b \n"),
        ("a \ud83d", "a \ufffd"),
    ],
)
def test_to_plain_converts_values_of_pandas_numpy_and_spark(value: object, expected: object) -> None:
    assert to_plain(value) == expected


def nest(depth: int) -> object:
    value: object = "a"
    for _ in range(depth):
        value = [value]
    return value


def test_values_are_nested_at_most_50_deep() -> None:
    assert to_plain(nest(50)) == nest(50)
    for depth in (51, 100_000):
        with pytest.raises(InvalidRequestError, match=r"^expected values nested at most 50 deep$"):
            to_plain(nest(depth))


@pytest.mark.parametrize("cell", [nest(51), pd.Series([1]), pd.DataFrame({"a": [1]}), pd.Timestamp(0), 5])
def test_cell_that_cannot_be_read_is_an_error_of_its_row_alone(cell: object) -> None:
    frame = pd.DataFrame({"qa": pd.Series([{"question": "a"}, cell], dtype=object)})
    for rows in (frame, [{"qa": {"question": "a"}}, {"qa": cell}]):
        good, bad = parse_requests(rows, CONTRACT).requests
        assert good == Request({"qa": {"question": "a"}})
        assert (bad.stages, str(bad.errors["qa"])[:13]) == ({}, "qa: expected ")


@pytest.mark.parametrize("run", [False, 0, "false", "0", np.bool_(False)])
def test_stage_with_a_false_run_is_absent(run: object) -> None:
    assert parse_requests([{"qa": {"question": "a", "run": run}}], CONTRACT).requests == [Request()]


def test_series_with_a_stage_name_holds_values_of_the_stage() -> None:
    call = parse_requests(pd.Series([{"question": "a"}, None], name="qa"), CONTRACT)
    assert call.requests == [Request({"qa": {"question": "a"}}), Request()]


def test_series_without_a_name_holds_whole_requests() -> None:
    call = parse_requests(pd.Series([{"qa": {"question": "a"}}]), CONTRACT)
    assert call.requests == [Request({"qa": {"question": "a"}})]


def test_spark_struct_of_nulls_is_an_absent_stage() -> None:
    call = parse_requests(
        pd.DataFrame({"qa": [{"question": np.nan, "k": np.nan}, {"question": "a", "k": 3.0}]}), CONTRACT
    )
    assert call.requests == [Request(), Request({"qa": {"question": "a", "k": 3}})]


def test_text_in_place_of_a_stage_beside_another_is_rejected() -> None:
    exploded = pd.DataFrame({"qa": {"question": "a", "k": 3}, "image_generation": "cat"})
    with pytest.raises(
        InvalidRequestError, match=r"^image_generation\.prompt: expected text of 1 to 32,000 characters$"
    ):
        parse_requests(exploded, CONTRACT)


@pytest.mark.parametrize("value", ["text", 5, [1, 2], [None], [["a"]]])
def test_value_without_an_object_is_rejected(value: object) -> None:
    with pytest.raises(InvalidRequestError, match="expected an object, or a list of objects"):
        parse_requests(value, CONTRACT)


@pytest.mark.parametrize("value", [{}, {"nope": {}}, [{"nope": 1}], pd.DataFrame(), pd.DataFrame({"nope": [1]})])
def test_request_without_a_known_stage_is_rejected(value: object) -> None:
    with pytest.raises(InvalidRequestError, match="found none of the stages qa, image_generation"):
        parse_requests(value, CONTRACT)


@pytest.mark.parametrize(("value", "expected"), [([], []), ([{}], [Request()]), (pd.DataFrame({"qa": []}), [])])
def test_empty_rows_become_empty_requests(value: object, expected: list[Request]) -> None:
    assert parse_requests(value, CONTRACT).requests == expected


@given(st.dictionaries(texts, texts, max_size=3), texts)
def test_error_message_never_repeats_data_of_the_caller(extra: dict[str, str], secret: str) -> None:
    secret_text = f"5up3r-{secret}-s3cr3t"
    with pytest.raises(InvalidRequestError) as error:
        parse_requests(
            {"qa": {"question": [secret_text], **{f"{secret_text}{key}": value for key, value in extra.items()}}},
            CONTRACT,
        )
    assert "5up3r" not in str(error.value)
    assert str(error.value) == "qa.question: expected text of 1 to 10,000 characters"
