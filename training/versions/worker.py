"""The process in which a version answers: MLflow and the version's own code, and nothing of this project.

It reads a list of requests a line and writes the list of their responses, or ``{"error": …}``; the first line that it
writes says how the version describes itself. What libraries print goes where errors go.
"""

import json
import os
import sys
from typing import Any

import mlflow
from mlflow.pyfunc import PyFuncModel


def main(uri: str) -> None:
    """Answers until there is nothing more to read."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for message in _answer_lines(uri):
        out.write(json.dumps(message, default=str) + "\n")
        out.flush()


def _answer_lines(uri: str) -> Any:  # JSON
    try:
        model = mlflow.pyfunc.load_model(uri)
        described = predict(model, {}, {"describe": True})
        yield json.loads(described["meta"]["description"]) | {
            "version": described["meta"]["version"],
            "model_id": model.model_id,
            "metadata": model.metadata.metadata or {},
        }
    except Exception as error:  # noqa: BLE001 - whatever a version raises is told to who asked
        yield {"error": _error_sentence(error)}
        return
    for line in sys.stdin:
        try:
            yield predict(model, json.loads(line))
        except Exception as error:  # noqa: BLE001 - likewise
            yield {"error": _error_sentence(error)}


def predict(model: PyFuncModel, model_input: object, params: dict[str, Any] | None = None) -> Any:
    """What ``predict`` gives; MLflow's own type for it does not know objects and lists of them."""
    return model.predict(model_input, params=params)


def _error_sentence(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


if __name__ == "__main__":
    main(sys.argv[1])
