"""Answer requests with a version, in a process that imports MLflow and the version's code, and nothing of this project.

The process first writes the version's description. Then each line of input is a list of requests, and each line of
output the list of their responses, or ``{"error": …}``.
"""

import json
import sys
from typing import Any

import mlflow
from mlflow.pyfunc import PyFuncModel

from commandline import mlflow_store

from .json_lines import describe_error, write_json_lines


def main(uri: str) -> None:
    """Answer lines of requests until the input ends. ``uri`` is the MLflow URI of the version."""
    write_json_lines(_answer_lines(uri))


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
        yield {"error": describe_error(error)}
        return
    for line in sys.stdin:
        try:
            yield predict(model, json.loads(line))
        except Exception as error:  # noqa: BLE001 - as above
            yield {"error": describe_error(error)}


def predict(model: PyFuncModel, model_input: object, params: dict[str, Any] | None = None) -> Any:
    """Return the model's prediction. MLflow's own return type does not include objects and lists of objects.

    Args:
        model: The version.
        model_input: One request, or a list of requests.
        params: Parameters of the prediction, such as ``{"describe": True}``.
    """
    return model.predict(model_input, params=params)


if __name__ == "__main__":
    mlflow_store.adapt_to_folder()
    main(sys.argv[1])
