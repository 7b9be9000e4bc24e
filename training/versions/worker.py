"""Answer requests with a version, in a process that imports MLflow and the version's code, and nothing of this project.

The process first writes the version's description. Then each line of input is a list of requests, and each line of
output the list of their responses, or ``{"error": …}``. Libraries that print to standard output are redirected to
standard error.
"""

import json
import os
import sys
from typing import Any

import mlflow
from mlflow.pyfunc import PyFuncModel


def main(uri: str) -> None:
    """Answer lines of requests until the input ends. ``uri`` is the MLflow URI of the version."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for message in _answer_lines(uri):
        out.write(json.dumps(message, default=str) + "\n")
        out.flush()


def _answer_lines(uri: str) -> Any:  # JSON
    try:
        model = mlflow.pyfunc.load_model(uri)
        response = predict(model, {}, {"describe": True})
        yield json.loads(response["meta"]["description"]) | {
            "version": response["meta"]["version"],
            "model_id": model.model_id,
            "metadata": model.metadata.metadata or {},
        }
    except Exception as error:  # noqa: BLE001 - a version may raise anything; the caller receives the message
        yield {"error": _error_sentence(error)}
        return
    for line in sys.stdin:
        try:
            yield predict(model, json.loads(line))
        except Exception as error:  # noqa: BLE001 - as above
            yield {"error": _error_sentence(error)}


def predict(model: PyFuncModel, model_input: object, params: dict[str, Any] | None = None) -> Any:
    """Return the model's prediction. MLflow's own return type does not include objects and lists of objects.

    Args:
        model: The version.
        model_input: One request, or a list of requests.
        params: Parameters of the prediction, such as ``{"describe": True}``.
    """
    return model.predict(model_input, params=params)


def _error_sentence(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


if __name__ == "__main__":
    main(sys.argv[1])
