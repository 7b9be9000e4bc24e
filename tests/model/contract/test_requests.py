"""Whatever MLflow hands over becomes the same requests."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract.requests import Request, parse_requests, to_plain
from model.errors import InvalidRequestError
from model.profile import Profile

CONTRACT = Profile.read("offline").contract

texts = st.text(min_size=1, max_size=30).filter(str.strip)
filters = st.fixed_dictionaries({}, optional={"source": texts | st.lists(texts, max_size=2), "page": st.integers(0, 9)})
questions = st.fixed_dictionaries(
    {"question": texts}, optional={"k": st.integers(1, 50), "filter": filters.filter(bool), "purpose": texts}
)
prompts = st.fixed_dictionaries({"prompt": texts}, optional={"sample": st.integers(1, 100)})
requests = st.fixed_dictionaries({}, optional={"qa": questions, "image_generation": prompts}).filter(bool)


def declared(request: dict[str, dict[str, object]]) -> Request:
    return Request({name: {k: v for k, v in told.items() if k != "purpose"} for name, told in request.items()})


class Row(tuple[object, ...]):
    """As Spark's: a tuple that knows its names."""

    __slots__ = ()

    def asDict(self) -> dict[str, object]:  # noqa: N802 - Spark's name
        return {"question": self[0]}


class Model:
    """As pydantic's."""

    def model_dump(self) -> dict[str, object]:
        return {"question": "q"}


@given(requests)
def test_a_dict_that_pandas_exploded_is_folded_back(request: dict[str, dict[str, object]]) -> None:
    call = parse_requests(pd.DataFrame(request), CONTRACT)
    assert call.single
    assert call.requests == [declared(request)]


@given(st.lists(requests, min_size=1, max_size=4))
def test_rows_of_a_frame_are_the_same_as_a_list(rows: list[dict[str, dict[str, object]]]) -> None:
    frame = parse_requests(pd.DataFrame(rows), CONTRACT)
    assert not frame.single
    assert frame == parse_requests(rows, CONTRACT)
    assert frame.requests == [declared(row) for row in rows]


@given(st.lists(requests, min_size=1, max_size=4))
def test_a_frame_labelled_by_the_user_is_rows(rows: list[dict[str, dict[str, object]]]) -> None:
    labels = [f"row {number}" for number in range(len(rows))]
    call = parse_requests(pd.DataFrame(rows, index=labels), CONTRACT)
    assert not call.single
    assert call.requests == [declared(row) for row in rows]


@pytest.mark.parametrize(
    ("given", "expected"),
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
        (Model(), {"question": "q"}),
        ({"filter": {"source": np.array(["a"])}, "k": np.nan}, {"filter": {"source": ["a"]}, "k": None}),
        (("a", None), ["a", None]),
        (True, True),
    ],
)
def test_plain(given: object, expected: object) -> None:
    assert to_plain(given) == expected


def test_a_series_named_for_a_stage_holds_that_stage() -> None:
    call = parse_requests(pd.Series([{"question": "a"}, None], name="qa"), CONTRACT)
    assert call.requests == [Request({"qa": {"question": "a"}}), Request()]


def test_a_series_of_whole_requests() -> None:
    call = parse_requests(pd.Series([{"qa": {"question": "a"}}]), CONTRACT)
    assert call.requests == [Request({"qa": {"question": "a"}})]


def test_a_spark_null_struct_with_two_columns_is_absent() -> None:
    call = parse_requests(
        pd.DataFrame({"qa": [{"question": np.nan, "k": np.nan}, {"question": "a", "k": 3.0}]}), CONTRACT
    )
    assert call.requests == [Request(), Request({"qa": {"question": "a", "k": 3}})]


def test_a_stage_as_text_beside_another_is_refused() -> None:
    exploded = pd.DataFrame({"qa": {"question": "a", "k": 3}, "image_generation": "cat"})
    with pytest.raises(
        InvalidRequestError, match=r"^image_generation\.prompt: expected text of 1 to 32,000 characters$"
    ):
        parse_requests(exploded, CONTRACT)


@pytest.mark.parametrize("given", ["text", 5, [1, 2], [None], [["a"]]])
def test_what_is_no_request_is_refused(given: object) -> None:
    with pytest.raises(InvalidRequestError, match="expected an object, or a list of objects"):
        parse_requests(given, CONTRACT)


@pytest.mark.parametrize("given", [{}, {"nope": {}}, [{"nope": 1}], pd.DataFrame(), pd.DataFrame({"nope": [1]})])
def test_what_holds_no_known_stage_is_refused(given: object) -> None:
    with pytest.raises(InvalidRequestError, match="found none of the stages qa, image_generation"):
        parse_requests(given, CONTRACT)


@pytest.mark.parametrize(("given", "expected"), [([], []), ([{}], [Request()]), (pd.DataFrame({"qa": []}), [])])
def test_empty_rows(given: object, expected: list[Request]) -> None:
    assert parse_requests(given, CONTRACT).requests == expected


@given(st.dictionaries(texts, texts, max_size=3), texts)
def test_a_refusal_never_repeats_the_callers_data(extra: dict[str, str], secret: str) -> None:
    told = f"5up3r-{secret}-s3cr3t"
    with pytest.raises(InvalidRequestError) as refusal:
        parse_requests(
            {"qa": {"question": [told], **{f"{told}{key}": value for key, value in extra.items()}}}, CONTRACT
        )
    assert "5up3r" not in str(refusal.value)
    assert str(refusal.value) == "qa.question: expected text of 1 to 10,000 characters"
