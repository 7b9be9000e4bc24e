"""Requests of any shape, for tests that only a documented answer may come back.

The values are those that Python, numpy, pandas, Spark and JSON can bring: also halves of characters, numbers that are
none, deep nesting, and frames of odd shapes. Each kind of request is near to a right one, so that most reach a stage.
"""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from pyspark.sql import Row

ODD_TEXTS = [
    "",
    " ",
    "\0",
    "\ud83d",
    "\udc00tail",
    "\u0085\u2028\ufeff",
    "[](x)",
    "***",
    "%",
    "{qa.answer}",
    "{image_generation.image}",
    "{qa.sources.0}",
    "{",
    "{{}}",
    "->->->",
    "a -> b, b -> c",
    "</svg><script>",
    "\\N\\G",
    "👩‍👩‍👧 שלום 漢字 ก็",
    "e\u0301" * 50,
    " " * 2_000 + "x",
    "a" * 4_000,
    "漢" * 400,
    "<" * 500,
    "What is LangChain?",
    "Tell me about GPT-4.",
]
ODD_NUMBERS = [
    0,
    -1,
    1,
    4,
    51,
    2**63,
    10**400,
    0.5,
    4.0,
    1e308,
    float("nan"),
    float("inf"),
    -0.0,
    True,
    False,
    Decimal(3),
    Decimal("NaN"),
    Decimal("1e400"),
    np.int64(3),
    np.float32(2.5),
    np.bool_(True),
    np.array(4),
]
ABSENT = [None, pd.NA, pd.NaT, np.nan]
UNDECLARED = [
    pd.Timestamp("2024-01-01"),
    b"bytes",
    object(),
    {"a", "b"},
    pd.Series([1, 2]),
    pd.DataFrame({"a": [1]}),
    np.array([["x"]], dtype=object),
    np.datetime64("2024-01-01"),
    complex(1, 2),
    range(3),
]

texts = st.sampled_from(ODD_TEXTS) | st.text(max_size=40) | st.text(st.characters(codec=None), max_size=10)
numbers = st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats()
scalars = texts | numbers | st.sampled_from(ABSENT) | st.sampled_from(UNDECLARED) | st.booleans()


def _nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["question", "prompt", "filter", "source", "page", "text", "run"]) | texts
    lists = st.lists(inner, max_size=3)
    objects = st.dictionaries(keys, inner, max_size=3)
    rows = objects.filter(lambda values: all(key.isidentifier() for key in values)).map(lambda values: Row(**values))
    arrays = lists.map(lambda values: np.array([*values, None], dtype=object)[:-1])
    return lists | objects | rows | arrays | lists.map(tuple)


def _deepen(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


values = st.recursive(scalars, _nest, max_leaves=6) | st.integers(1, 120).map(_deepen)


def _mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any] = values) -> st.SearchStrategy[Any]:
    """Return a strategy of which one value in ten is odd, so that most requests have one odd part and reach a stage."""
    return st.integers(0, 9).flatmap(lambda choice: usual if choice else odd)


filters = st.dictionaries(
    st.sampled_from(["source", "heading", "page", "tags"]),
    _mostly(texts | st.integers(0, 9) | st.lists(texts, max_size=3)),
    max_size=2,
)
turns = st.fixed_dictionaries({"question": _mostly(texts), "answer": _mostly(texts | st.none())})
passages = st.fixed_dictionaries(
    {"text": _mostly(texts)}, optional={"source": _mostly(texts), "page": _mostly(st.integers(0, 9)), "tags": values}
)
questions = st.fixed_dictionaries(
    {"question": _mostly(texts)},
    optional={
        "k": _mostly(st.integers(1, 50), numbers),
        "filter": _mostly(filters),
        "history": _mostly(st.lists(_mostly(turns), max_size=3)),
        "sources": _mostly(st.lists(_mostly(passages), max_size=3)),
        "run": _mostly(st.sampled_from([True, 1, "true", "1"]), st.sampled_from([False, 0, "false", "no", 2]) | values),
        "other": values,
    },
)
prompts = st.fixed_dictionaries(
    {"prompt": _mostly(texts)},
    optional={"sample": _mostly(st.integers(1, 100), numbers), "size": values, "run": _mostly(st.just(True))},
)
requests = st.fixed_dictionaries(
    {}, optional={"qa": _mostly(questions), "image_generation": _mostly(prompts), "other": values, "meta": values}
)
indexes = st.sampled_from(["range", "text", "same", "fields", "pairs", "dates"])


def _make_frame(rows: list[dict[str, Any]], index: str) -> pd.DataFrame:
    frame = pd.DataFrame({"n": range(len(rows))})
    for name in sorted({name for row in rows for name in row}):
        frame[name] = pd.Series([row.get(name) for row in rows], dtype=object)
    count = len(frame)
    labels: dict[str, Any] = {
        "range": range(count),
        "text": [f"row {number}" for number in range(count)],
        "same": ["question"] * count,
        "fields": ["question", "k", "filter", "prompt", "history"][:count] + ["x"] * max(0, count - 5),
        "pairs": pd.MultiIndex.from_tuples([(0, number) for number in range(count)]) if count else range(0),
        "dates": pd.date_range("2024-01-01", periods=count),
    }
    return frame.set_axis(labels[index], axis=0)


frames = st.builds(_make_frame, st.lists(requests, max_size=5), indexes)
inputs = _mostly(requests | st.lists(_mostly(requests), max_size=4) | frames)


def to_json(value: object) -> bytes:
    """Return a value as JSON, as loose as clients write it: NaN, halves of characters, and texts of other types."""
    return json.dumps(_jsonable(value), default=str).encode("utf-8", "surrogatepass")


def _jsonable(value: Any) -> Any:
    if isinstance(value, Row) and hasattr(value, "__fields__"):
        return _jsonable(value.asDict())
    if isinstance(value, dict):
        return {str(key): _jsonable(cell) for key, cell in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(cell) for cell in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


_keys = st.sampled_from(["inputs", "inputs", "inputs", "instances", "dataframe_records", "dataframe_split", "params"])
bodies = st.dictionaries(_keys, requests | st.lists(_mostly(requests), max_size=3) | values, max_size=2).map(to_json)
"""Bodies of a REST call, as JSON."""
