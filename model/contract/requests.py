"""Convert whatever MLflow hands to ``predict`` into requests.

The input can be a dict, a list of dicts, a DataFrame whose cells are dicts, None, NaN, ``pd.NA``, numpy scalars and
arrays, Spark rows or pydantic objects, or a Series named for a stage. MLflow turns a bare dict into a frame that is
labelled by field names; such a frame is folded back.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InvalidRequestError, MultichainError
from .fields import StageValues, parse_boolean
from .stage_contract import RUN_FIELD, Contract

MAX_DEPTH = 50
"""Most lists and objects that contain a value of a request."""
MAX_ROWS = 10_000
"""Most rows of one call, which is also the number of rows in Spark's batches."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Request:
    """One row of a call.

    Attributes:
        stages: Values of each requested stage by name.
        errors: Why a requested stage is refused, by name.
    """

    stages: dict[str, StageValues] = field(default_factory=dict)
    errors: dict[str, MultichainError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PredictInput:
    """The requests of one ``predict`` call, in order.

    ``single`` is true for a single dict, which is answered with a single dict.
    """

    requests: list[Request]
    single: bool


def parse_requests(model_input: object, contract: Contract) -> PredictInput:
    """Return the requests in ``model_input``.

    Args:
        model_input: What MLflow passes to ``predict``.
        contract: The stages of the profile.

    Returns:
        The requests. A row with a stage that does not fit carries the error.

    Raises:
        InvalidRequestError: Nothing in the input belongs to the contract, a single dict does not fit, or there are
            more than ``MAX_ROWS`` rows.
    """
    if isinstance(model_input, list | pd.DataFrame | pd.Series) and len(model_input) > MAX_ROWS:
        raise InvalidRequestError(
            f"expected at most {MAX_ROWS:,} rows in one call; send them in several, as Spark does with "
            "spark.sql.execution.arrow.maxRecordsPerBatch"
        )
    rows, single = _split_rows(model_input, contract)
    requests = [_parse_row(row, contract) for row in rows]
    if single and requests[0].errors:
        raise InvalidRequestError("; ".join(map(str, requests[0].errors.values())))
    return PredictInput(requests, single)


def to_plain(value: object, depth: int = 0) -> object:  # noqa: PLR0911 - one for each kind of value
    """Return ``value`` as plain JSON types, with None for every spelling of "absent".

    Control characters of a text become spaces, and halves of a character (lone surrogates) U+FFFD.

    Args:
        value: A value of Python, numpy, pandas, Spark or pydantic. What is none of these types stays as it is.
        depth: How many lists and objects contain the value.

    Raises:
        InvalidRequestError: The value is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise InvalidRequestError(f"expected values nested at most {MAX_DEPTH} deep")
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", value))
    if isinstance(value, dict):
        return {str(key): to_plain(cell, depth + 1) for key, cell in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "__fields__"):
        return [to_plain(cell, depth + 1) for cell in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist(), depth + 1)  # of a scalar, and of an array without dimensions, its one value
    for method in ("asDict", "model_dump"):  # a Spark Row with names, a pydantic object
        if hasattr(value, method) and not isinstance(value, type):
            return to_plain(getattr(value, method)(), depth + 1)
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    is_absent = pd.api.types.is_scalar(value) and pd.isna(value)  # type: ignore[call-overload]  # any scalar will do
    return None if is_absent else value  # None, NaN, pd.NA, pd.NaT


def _read_cell(cell: object) -> object:
    """Return a cell as plain types, or the error that refuses it, which is that of its row alone."""
    try:
        return to_plain(cell)
    except InvalidRequestError as error:
        return error


def _split_rows(model_input: object, contract: Contract) -> tuple[list[dict[str, Any]], bool]:
    """Return the rows by stage name, and whether the input was a single dict."""
    if isinstance(model_input, pd.Series):
        model_input = model_input.to_frame() if model_input.name in contract.stages else list(model_input)
    if isinstance(model_input, pd.DataFrame):
        return _read_frame(model_input, contract)
    rows: object = to_plain(model_input) if not isinstance(model_input, list) else list(map(_read_row, model_input))
    if isinstance(rows, dict):
        rows, single = [rows], True
    else:
        single = False
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidRequestError(f"expected an object, or a list of objects, with {_list_stages(contract)}")
    if rows and not any(_names_stage(row, contract) for row in rows) and (single or any(rows)):
        raise InvalidRequestError(_no_stage_message(contract))
    return rows, single


def _read_row(row: object) -> object:
    """Return a row of a list; what is wrong with one of its cells is an error of that row."""
    if isinstance(row, dict):
        return {str(key): _read_cell(cell) for key, cell in row.items()}
    return to_plain(row)


def _read_frame(frame: pd.DataFrame, contract: Contract) -> tuple[list[dict[str, Any]], bool]:
    columns: dict[Hashable, list[object]] = {
        name: [_read_cell(cell) for cell in frame[name]] for name in frame.columns if name in contract.stages
    }
    if not columns:
        raise InvalidRequestError(_no_stage_message(contract))
    labels = list(frame.index)
    if _is_exploded(labels, columns, contract):
        return [{str(name): _fold_cells(labels, cells) for name, cells in columns.items()}], True
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return [{str(name): cell for name, cell in row.items()} for row in rows], False


def _is_exploded(labels: list[Any], columns: dict[Hashable, list[object]], contract: Contract) -> bool:
    """Return whether MLflow made this frame from one dict, one row for each field."""
    if not labels or not all(isinstance(label, str) for label in labels):
        return False
    cells = [cell for column in columns.values() for cell in column if cell is not None]
    return any(not isinstance(cell, dict) for cell in cells) or set(labels) <= contract.input_names()


def _fold_cells(labels: list[str], cells: list[object]) -> dict[str, object]:
    return {label: cell for label, cell in zip(labels, cells, strict=True) if cell is not None}


def _parse_row(row: dict[str, Any], contract: Contract) -> Request:
    request = Request()
    for name, stage in contract.stages.items():
        if _is_absent(row.get(name)):
            continue
        if isinstance(row[name], InvalidRequestError):
            request.errors[name] = InvalidRequestError(f"{name}: {row[name]}")
            continue
        try:
            request.stages[name] = stage.parse(row[name])
        except InvalidRequestError as error:
            request.errors[name] = error
    return request


def _is_absent(cell: object) -> bool:
    """Return whether a stage is not requested.

    None, an empty struct, a struct whose fields are all null (a Spark NULL), and ``run: false`` mean absent.
    """
    if isinstance(cell, dict):
        return parse_boolean(cell.get(RUN_FIELD.name)) is False or all(value is None for value in cell.values())
    return cell is None


def _names_stage(row: dict[str, Any], contract: Contract) -> bool:
    return any(name in contract.stages for name in row)


def _list_stages(contract: Contract) -> str:
    return "one of the stages " + ", ".join(contract.stages)


def _no_stage_message(contract: Contract) -> str:
    return (
        f"found none of the stages {', '.join(contract.stages)}; expected an object such as "
        f'{{"{next(iter(contract.stages))}": {{...}}}}, in "inputs" or "dataframe_records" over REST'
    )
