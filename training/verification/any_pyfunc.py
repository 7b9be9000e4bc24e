"""Check any pyfunc model whose input is an object, in a process that has imported nothing of this project.

Run as ``python -m training.verification.any_pyfunc FOLDER EXAMPLE``. A model that brings a package called ``model``
finds its own. Each line of the output is a JSON list: the name of a check, and the problem, which is empty when the
check passed.
"""

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlflow
import pandas as pd

from commandline import mlflow_store

from ..versions.json_lines import describe_error, write_json_lines

_THREADS = 8

CheckResult = tuple[str, str]
"""Name of a check, and the problem; the problem is empty when the check passed."""


def main(folder: str, example: str) -> None:
    """Write the results of the checks as JSON lines to standard output.

    Args:
        folder: Folder of the saved model.
        example: Request as JSON; empty for the example that the model was logged with.
    """
    write_json_lines(_run_checks(folder, example))


def _run_checks(folder: str, example: str) -> Iterator[CheckResult]:
    try:
        model: Any = mlflow.pyfunc.load_model(folder)
    except Exception as error:  # noqa: BLE001 - a model may raise anything; the check reports it
        yield "loads", describe_error(error)
        return
    yield "loads", ""
    yield (
        "has a signature",
        "" if model.metadata.signature else "the model has none, so MLflow does not check its input",
    )
    request = json.loads(example) if example else model.input_example
    if not isinstance(request, dict):
        yield "has an example", "the model was logged without an example that is an object; give one with --example"
        return
    yield _try("answers an object", lambda: model.predict(request))
    yield _try("answers a list of two objects", lambda: _require_two(model.predict([request, request])))
    yield _try(
        "answers a DataFrame of two rows",
        lambda: _require_two(model.predict(pd.DataFrame([request, request]))),
    )
    yield _try(
        "answers again in the same shape", lambda: _require_same_shape(model.predict(request), model.predict(request))
    )
    yield _try("answers with JSON", lambda: json.dumps(_to_plain(model.predict(request))))
    yield _try("answers several threads", lambda: _ask_in_threads(model, request))


def _try(name: str, check: Callable[[], object]) -> CheckResult:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - a model may raise anything; the check reports it
        return name, describe_error(error)
    return name, ""


def _require_two(answer: Any) -> None:  # a model may return any type
    if len(answer) != 2:  # noqa: PLR2004 - two rows were sent
        raise ValueError(f"expected 2 responses, found {len(answer)}")


def _require_same_shape(first_answer: Any, second_answer: Any) -> None:
    if _shape_of(_to_plain(first_answer)) != _shape_of(_to_plain(second_answer)):
        raise ValueError("the second response has other fields or types than the first")


def _ask_in_threads(model: Any, request: object) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda _: model.predict(request), range(2 * _THREADS)))


def _to_plain(answer: Any) -> Any:
    """Return an answer without pandas and numpy types, as MLflow's server turns it into JSON."""
    if isinstance(answer, pd.DataFrame):
        return answer.to_dict("records")
    return answer.tolist() if hasattr(answer, "tolist") else answer


def _shape_of(value: Any) -> object:  # JSON
    if isinstance(value, dict):
        return {name: _shape_of(item) for name, item in value.items()}
    return type(value).__name__


if __name__ == "__main__":
    mlflow_store.adapt_to_folder()
    main(sys.argv[1], sys.argv[2])
