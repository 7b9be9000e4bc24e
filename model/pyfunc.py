"""The way in: MLflow loads this and calls ``predict``; the input becomes requests, which the pipeline answers."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from .contract import Response
from .errors import InvalidRequestError
from .normalise import Call, read
from .profile import Profile
from .retrieval.index import Index


class MultichainModel(PythonModel):
    """One profile over one index, as an MLflow model."""

    def __init__(self, profile: str) -> None:
        self._profile = profile

    def load_context(self, context: PythonModelContext) -> None:
        """Opens the index that was logged with the model, and builds the pipeline."""
        index = Path(context.artifacts["index"])
        self._pipeline = Profile.read(self._profile).pipeline(Index.open(index))
        self._version = _version(index)

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow passes it
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> Response | list[Response]:
        """One response for one dict, a list of them in the same order for rows.

        MLflow hands over a frame when it enforces the signature; normalise.py says what else can come.

        Raises MlflowException (HTTP 400) when the input holds no stage, or is one dict that does not fit.
        """
        if (params or {}).get("describe"):
            return self._described()
        call = self._read(model_input)
        answers = self._pipeline.answers(call.requests, self._version)
        return answers[0] if call.single else answers

    def _read(self, model_input: object) -> Call:
        try:
            return read(model_input, self._pipeline.contract)
        except InvalidRequestError as error:
            raise MlflowException(error.field, error_code=INVALID_PARAMETER_VALUE) from None

    def _described(self) -> Response:
        response = self._pipeline.contract.empty(self._version)
        response["meta"]["description"] = json.dumps(self._pipeline.contract.describe())
        return response


def _version(index: Path) -> str:
    """The registered version that MLflow loaded, which it notes beside the MLmodel file; empty when none."""
    for folder in index.parents[:3]:
        note = folder / "registered_model_meta"
        if note.is_file():
            return str(yaml.safe_load(note.read_text("utf-8"))["model_version"] or "")
    return ""


def serve(profile: str) -> None:
    """Called by the entry file that is logged: names the model that MLflow loads."""
    set_model(MultichainModel(profile))
