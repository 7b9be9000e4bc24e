"""The entry point: MLflow loads ``MultichainModel`` and calls ``predict``."""

import json
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from .config import environment
from .contract.description import QUESTIONS_ARTIFACT, describe_contract
from .contract.events import Event
from .contract.requests import PredictInput, parse_requests
from .contract.stage_contract import Response
from .errors import CancelledCallError, ConfigError, InvalidRequestError
from .profile import Profile
from .providers import model_catalog
from .providers.server_facts import FACTS_ARTIFACT, ServerFacts
from .runtime import spark_worker, trace_server, tracing
from .runtime.event_loop import Stream

if TYPE_CHECKING:
    from .langchain_adapter import DocumentRetriever, MultiChain

log = logging.getLogger(__name__)
_ONE_REQUEST = "invalid_request: one request at a time is streamed; send one object, or use predict for rows"


class MultichainModel(PythonModel):
    """One profile over one index, as an MLflow model."""

    def __init__(self, profile: str) -> None:
        self._profile = profile

    def load_context(self, context: PythonModelContext) -> None:
        """Open the index that was logged with the model, and build the pipeline.

        Raises:
            MultichainError: The index is damaged, or a setting is invalid.
        """
        if warning := environment.describe_foreign_tracing():
            log.warning(warning)
        environment.check_variables()  # an invalid variable fails the load, not the first paid request
        model_catalog.load_catalog()
        index = Path(context.artifacts["index"])
        profile = Profile.read(self._profile)
        if FACTS_ARTIFACT in context.artifacts:
            profile = replace(profile, facts=ServerFacts.read(Path(context.artifacts[FACTS_ARTIFACT])))
        self._retriever = profile.make_retriever(profile.open_index(index), context.artifacts.get("embeddings", ""))
        self._pipeline = profile.make_pipeline(self._retriever)
        if environment.TRACES.read():
            environment.limit_trace_calls()
        self._pipeline.trace_request = partial(tracing.trace_request, server=trace_server.TraceServer())
        self._floors, self._calls_at_once = profile.gate, profile.count_calls_at_once()
        questions = context.artifacts.get(QUESTIONS_ARTIFACT)
        self._questions: list[str] = json.loads(Path(questions).read_text("utf-8")) if questions else []
        self._version = _registered_version(index)
        self._is_collector_spared = not spark_worker.is_spark_worker()

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> Response | list[Response]:
        """Answer requests.

        MLflow passes a frame when it enforces the signature; contract/requests.py says what else can arrive.

        Args:
            context: Not used.
            model_input: The requests.
            params: ``describe: true`` returns the declarations of all stages instead, once for each row.

        Returns:
            One response for one dict; a list of responses, in the same order, for rows.

        Raises:
            MlflowException: The input contains no stage, or is one dict that does not fit (HTTP 400).
        """
        if (params or {}).get("describe"):
            return self._describe_all(model_input)
        call = self._parse(model_input)
        try:
            answers = self._pipeline.answer_requests(call.requests, self._version)
        except (
            ConfigError,
            CancelledCallError,
        ) as error:  # a setting that cannot be read, or an engine that was stopped
            raise MlflowException(error.coded_message) from None
        self._spare_collector()
        return answers[0] if call.single else answers

    def predict_stream(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> Stream[Event]:
        """Stream the events of one request (contract/events.py); the response is the last one.

        Pass a list of one request: MLflow splits a bare dict and refuses the result. Closing or dropping the stream
        cancels the calls under way.

        Args:
            context: Not used.
            model_input: One request.
            params: Not used.

        Returns:
            The events.

        Raises:
            MlflowException: As for ``predict``, and for several requests (HTTP 400).
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
        """Return the search as a LangChain retriever.

        Args:
            k: How many passages the retriever returns.
            filter: Limits the passages to those whose fields have these values, as in a request.
        """
        from .langchain_adapter import DocumentRetriever

        return DocumentRetriever(retriever=self._retriever, engine=self._pipeline.engine, k=k, filter=filter)

    def _spare_collector(self) -> None:
        """After the first batch in a worker of Spark, when all is imported and created, spare the collector.

        That this was done is remembered here, since gc.get_freeze_count counts all that is frozen: 80 ms a batch.
        """
        if not self._is_collector_spared:
            self._is_collector_spared = True
            spark_worker.spare_collector()

    def _parse(self, model_input: object) -> PredictInput:
        try:
            return parse_requests(model_input, self._pipeline.contract)
        except InvalidRequestError as error:
            raise MlflowException(error.coded_message, error_code=INVALID_PARAMETER_VALUE) from None

    def _describe_all(self, model_input: object) -> Response | list[Response]:
        """Return the declarations once for each row; once for a single dict, and for what contains no request."""
        response = self._describe()
        try:
            call = parse_requests(model_input, self._pipeline.contract)
        except InvalidRequestError:
            return response
        return response if call.single or not call.requests else [response] * len(call.requests)

    def _describe(self) -> Response:
        response = self._pipeline.contract.empty_response(self._version)
        response["meta"]["description"] = json.dumps(
            describe_contract(self._pipeline.contract)
            | {"floors": self._floors, "questions": self._questions, "calls_at_once": self._calls_at_once}
        )
        return response


def _registered_version(index: Path) -> str:
    """Return the registered version that MLflow loaded, which MLflow notes beside MLmodel; empty when there is none."""
    for folder in index.parents[:3]:
        note = folder / "registered_model_meta"
        if note.is_file():
            return str(yaml.safe_load(note.read_text("utf-8"))["model_version"] or "")
    return ""


def serve(profile: str) -> None:
    """Name the model that MLflow loads. The entry file of a logged version calls this function."""
    set_model(MultichainModel(profile))
