"""The way in: MLflow loads this and calls ``predict``; the input becomes requests, which the pipeline answers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from .contract.description import describe_contract
from .contract.events import Event
from .contract.requests import PredictInput, parse_requests
from .contract.stage_contract import Response
from .errors import CancelledCallError, ConfigError, InvalidRequestError
from .images import fit_response
from .profile import Profile
from .providers import model_catalog
from .runtime import deadline, tracing
from .runtime.event_loop import Stream

if TYPE_CHECKING:
    from .langchain_adapter import DocumentRetriever, MultiChain

_ONE_REQUEST = "invalid_request: one request at a time is streamed; send one object, or use predict for rows"


class MultichainModel(PythonModel):
    """One profile over one index, as an MLflow model."""

    def __init__(self, profile: str) -> None:
        self._profile = profile

    def load_context(self, context: PythonModelContext) -> None:
        """Opens the index that was logged with the model, and builds the pipeline. Raises MultichainError."""
        for setting in (
            deadline.read_deadline_seconds,
            fit_response.read_max_bytes,
            model_catalog.load_catalog,
            tracing.read_trace_share,
        ):
            setting()  # what the environment says is to be read now, not when the first request has been paid for
        index = Path(context.artifacts["index"])
        profile = Profile.read(self._profile)
        self._retriever = profile.make_retriever(profile.open_index(index), context.artifacts.get("embeddings", ""))
        self._pipeline = profile.make_pipeline(self._retriever)
        self._pipeline.trace_request = tracing.trace_request
        self._floors = profile.gate
        self._version = _registered_version(index)

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
            return self._describe()
        call = self._parse(model_input)
        try:
            answers = self._pipeline.answer_requests(call.requests, self._version)
        except (
            ConfigError,
            CancelledCallError,
        ) as error:  # a setting that cannot be read, or an engine that was stopped
            raise MlflowException(error.coded_message) from None
        return answers[0] if call.single else answers

    def predict_stream(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow passes it
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - likewise
    ) -> Stream[Event]:
        """What happens while one request is answered, as it happens; the response last (events.py).

        Call it with a list of one request: MLflow takes a bare dict apart, and refuses what it made of it.

        Closing the stream, or dropping it, cancels the calls that are under way. Raises MlflowException
        (HTTP 400) as ``predict`` does, and for several rows.
        """
        call = self._parse(model_input)
        if len(call.requests) != 1:
            raise MlflowException(_ONE_REQUEST, error_code=INVALID_PARAMETER_VALUE)
        return self._pipeline.stream_events(call.requests[0], self._version)

    @property
    def chain(self) -> "MultiChain":
        """The multi-chain as a LangChain Runnable, for an LCEL chain or a LangGraph node."""
        from .langchain_adapter import MultiChain  # LangChain, half a second

        return MultiChain(self._pipeline, self._version)

    def retriever(self, k: int = 4, filter: dict[str, Any] | None = None) -> "DocumentRetriever":  # noqa: A002
        """The search as a LangChain retriever: the ``k`` best passages, of those that fit ``filter``."""
        from .langchain_adapter import DocumentRetriever

        return DocumentRetriever(retriever=self._retriever, engine=self._pipeline.engine, k=k, filter=filter)

    def _parse(self, model_input: object) -> PredictInput:
        try:
            return parse_requests(model_input, self._pipeline.contract)
        except InvalidRequestError as error:
            raise MlflowException(error.coded_message, error_code=INVALID_PARAMETER_VALUE) from None

    def _describe(self) -> Response:
        response = self._pipeline.contract.empty_response(self._version)
        response["meta"]["description"] = json.dumps(
            describe_contract(self._pipeline.contract) | {"floors": self._floors}
        )
        return response


def _registered_version(index: Path) -> str:
    """The registered version that MLflow loaded, which it notes beside the MLmodel file; empty when none."""
    for folder in index.parents[:3]:
        note = folder / "registered_model_meta"
        if note.is_file():
            return str(yaml.safe_load(note.read_text("utf-8"))["model_version"] or "")
    return ""


def serve(profile: str) -> None:
    """Called by the entry file that is logged: names the model that MLflow loads."""
    set_model(MultichainModel(profile))
