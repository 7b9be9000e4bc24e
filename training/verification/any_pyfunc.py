"""Checks of any pyfunc model whose input is an object, in a process that has imported nothing of this project.

Run as ``python -m training.verification.any_pyfunc FOLDER EXAMPLE``; a model that brings a package called ``model``
finds its own. Each line that it writes is a check: its name, and what is wrong; empty when nothing is.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlflow
import pandas as pd

_AT_ONCE = 8

Checked = tuple[str, str]


def main(folder: str, example: str) -> None:
    """Writes the checks; what libraries print goes where errors go."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for told in _checks(folder, example):
        out.write(json.dumps(told) + "\n")
        out.flush()


def _checks(folder: str, example: str) -> Iterator[Checked]:
    try:
        model: Any = mlflow.pyfunc.load_model(folder)
    except Exception as error:  # noqa: BLE001 - whatever a model raises is what is wrong
        yield "loads", _sentence(error)
        return
    yield "loads", ""
    yield "has a signature", "" if model.metadata.signature else "it has none, so nothing checks what it is sent"
    given = json.loads(example) if example else model.input_example
    if not isinstance(given, dict):
        yield "has an example", "its own is no object; give one with --example"
        return
    yield _tried("answers an object", lambda: model.predict(given))
    yield _tried("answers a list of two, with two", lambda: _two(model.predict([given, given])))
    yield _tried("answers a DataFrame of two rows, with two", lambda: _two(model.predict(pd.DataFrame([given, given]))))
    yield _tried("answers again in the same shape", lambda: _alike(model.predict(given), model.predict(given)))
    yield _tried("answers with JSON", lambda: json.dumps(_plain(model.predict(given))))
    yield _tried("answers several threads", lambda: _threads(model, given))


def _tried(name: str, check: Callable[[], object]) -> Checked:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - likewise
        return name, _sentence(error)
    return name, ""


def _two(answer: Any) -> None:  # whatever a model gives
    if len(answer) != 2:  # noqa: PLR2004 - two rows were sent
        raise ValueError(f"{len(answer)} answers to two rows")


def _alike(one: Any, other: Any) -> None:
    if _shape(_plain(one)) != _shape(_plain(other)):
        raise ValueError("the second answer has other fields or types than the first")


def _threads(model: Any, given: object) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda _: model.predict(given), range(2 * _AT_ONCE)))


def _plain(answer: Any) -> Any:
    """An answer without pandas and numpy, as MLflow's server makes JSON of it."""
    if isinstance(answer, pd.DataFrame):
        return answer.to_dict("records")
    return answer.tolist() if hasattr(answer, "tolist") else answer


def _shape(value: Any) -> object:  # JSON
    if isinstance(value, dict):
        return {name: _shape(one) for name, one in value.items()}
    return type(value).__name__


def _sentence(error: Exception) -> str:
    """Without what MLflow puts before its own words: what it was sent."""
    return str(error).rpartition("Error: ")[2].strip().partition("\n")[0] or type(error).__name__


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
