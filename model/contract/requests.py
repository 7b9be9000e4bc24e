"""Convert whatever MLflow hands to ``predict`` into requests.

The input can be a dict, a list of dicts, a DataFrame whose cells are dicts, None, NaN, ``pd.NA``, numpy scalars and
arrays, Spark rows or pydantic objects, or a Series named for a stage. MLflow turns a bare dict into a frame that is
labelled by field names; such a frame is folded back.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InvalidRequestError, MultichainError
from .fields import StageValues
from .stage_contract import RUN_FIELD, Contract


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
        InvalidRequestError: Nothing in the input belongs to the contract, or a single dict does not fit.
    """
    rows, single = _split_rows(model_input, contract)
    requests = [_parse_row(row, contract) for row in rows]
    if single and requests[0].errors:
        raise InvalidRequestError("; ".join(map(str, requests[0].errors.values())))
    return PredictInput(requests, single)


def to_plain(value: object) -> object:
    """Return ``value`` as plain JSON types, with None for every spelling of "absent"."""
    if isinstance(value, dict):
        return {str(key): to_plain(cell) for key, cell in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "asDict"):
        return [to_plain(cell) for cell in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())  # of a scalar, and of an array without dimensions, its one value
    for method in ("asDict", "model_dump"):  # a Spark Row, a pydantic object
        if hasattr(value, method):
            return to_plain(getattr(value, method)())
    return None if pd.isna(value) else value  # type: ignore[call-overload]  # None, NaN, pd.NA, pd.NaT; any scalar will do


def _split_rows(model_input: object, contract: Contract) -> tuple[list[dict[str, Any]], bool]:
    """Return the rows by stage name, and whether the input was a single dict."""
    if isinstance(model_input, pd.Series):
        model_input = model_input.to_frame() if model_input.name in contract.stages else list(model_input)
    if isinstance(model_input, pd.DataFrame):
        return _read_frame(model_input, contract)
    rows = to_plain(model_input)
    if isinstance(rows, dict):
        rows, single = [rows], True
    else:
        single = False
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidRequestError(f"expected an object, or a list of objects, with {_list_stages(contract)}")
    if rows and not any(_names_stage(row, contract) for row in rows) and (single or any(rows)):
        raise InvalidRequestError(_no_stage_message(contract))
    return rows, single


def _read_frame(frame: pd.DataFrame, contract: Contract) -> tuple[list[dict[str, Any]], bool]:
    columns: dict[Hashable, list[object]] = {
        name: [to_plain(cell) for cell in frame[name]] for name in frame.columns if name in contract.stages
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
        return cell.get(RUN_FIELD.name) is False or all(value is None for value in cell.values())
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
