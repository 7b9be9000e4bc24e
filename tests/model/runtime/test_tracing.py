"""Traces of requests: spans with documents, usage and times, without images and keys, masked on demand."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest

from model.config import environment
from model.contract.requests import Request
from model.errors import SettingError
from model.pipeline import Pipeline
from model.profile import Profile
from model.retrieval.local.index import Index
from model.runtime import tracing
from standin.app import StandIn
from standin.faults import Fault

REQUEST = {"qa": {"question": "What is LangChain?"}, "image_generation": {"prompt": "LangChain in use"}}


@pytest.fixture
def pipeline(
    index_folder: Path, store: Path, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Pipeline:
    assert store
    (tmp_path / "mine.yaml").write_text(
        "embeddings: {provider: offline}\n"
        "index: {chunk_size: 1200, overlap: 120, language: english}\n"
        "stages:\n"
        "  qa: {kind: retrieval_qa, chat: {provider: openai, models: [gpt-4.1]}}\n"
        "  image_generation: {kind: image_generation, images: {provider: offline}}\n",
        "utf-8",
    )
    monkeypatch.setenv(environment.TRACES.name, "1")
    assert stand_in
    profile = Profile.read(str(tmp_path / "mine.yaml"))
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))
    pipeline.trace_request = tracing.trace_request
    return pipeline


def answer_with_trace(pipeline: Pipeline, request: Any = REQUEST) -> tuple[Any, Any]:
    """Return the response and its trace from the store."""
    (response,) = pipeline.answer_requests([Request(dict(request))], "7")
    mlflow.flush_trace_async_logging()
    return response, mlflow.get_trace(response["meta"]["trace_id"])


def test_request_is_one_trace_with_a_span_for_each_step(pipeline: Pipeline) -> None:
    response, trace = answer_with_trace(pipeline)
    steps = {span.name: span for span in trace.data.spans}
    names = {span.span_id: span.name for span in trace.data.spans}
    tree = sorted((span.name, names.get(span.parent_id or "", "")) for span in trace.data.spans)
    assert tree == [
        ("chat", "qa"),
        ("embedding", "retrieval"),
        ("embedding", "retrieval"),
        ("image_generation", "multichain"),
        ("multichain", ""),
        ("qa", "multichain"),
        ("retrieval", "image_generation"),
        ("retrieval", "qa"),
    ]
    assert trace.info.tags["multichain.version"] == "7"
    assert steps["chat"].attributes["mlflow.chat.tokenUsage"]["input_tokens"] > 0
    assert steps["chat"].attributes["model"] == "openai:gpt-4.1"
    assert steps["qa"].attributes["cost"] == pytest.approx(response["qa"]["usage"]["cost"])
    assert steps["qa"].outputs["answer"] == response["qa"]["answer"]
    assert all(span.end_time_ns >= span.start_time_ns for span in trace.data.spans)


def test_retrieval_span_holds_documents_in_the_form_for_scorers(pipeline: Pipeline) -> None:
    response, trace = answer_with_trace(pipeline, {"qa": REQUEST["qa"]})
    (retrieval,) = trace.search_spans(span_type="RETRIEVER")
    documents = [(output["metadata"]["doc_uri"], output["page_content"]) for output in retrieval.outputs]
    assert documents == [(source["source"], source["text"]) for source in response["qa"]["sources"]]


def test_trace_holds_the_hash_of_an_image_but_no_image(pipeline: Pipeline) -> None:
    response, trace = answer_with_trace(pipeline)
    trace_text = trace.to_json()
    assert response["image_generation"]["sha256"] in trace_text
    assert response["image_generation"]["image"][:200] not in trace_text


def test_trace_holds_no_key_and_no_text_when_masked(
    pipeline: Pipeline, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stand_in.key not in answer_with_trace(pipeline)[1].to_json()
    monkeypatch.setenv(environment.TRACES_MASKED.name, "true")
    response, trace = answer_with_trace(pipeline)
    trace_text = trace.to_json()
    for text in ("What is LangChain?", "LangChain in use", response["qa"]["answer"], "framework designed"):
        assert json.dumps(text)[1:-1] not in trace_text
    assert "(18 characters)" in trace_text


def test_chat_span_records_retries_and_failures(pipeline: Pipeline, stand_in: StandIn) -> None:
    stand_in.script.faults.append(Fault(status=500, headers={"retry-after-ms": "1"}))
    _, trace = answer_with_trace(pipeline, {"qa": REQUEST["qa"]})
    assert {span.name: span.attributes.get("retries") for span in trace.data.spans}["chat"] == 1
    stand_in.script.faults.append(Fault(status=400))
    response, trace = answer_with_trace(pipeline, {"qa": REQUEST["qa"]})
    assert response["qa"]["error"].startswith("provider: ")
    assert {span.name: span.status.status_code for span in trace.data.spans}["chat"] == "ERROR"


def test_request_without_a_trace_share_has_no_trace(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for share in ("0", ""):
        monkeypatch.setenv(environment.TRACES.name, share)
        (response,) = pipeline.answer_requests([Request(REQUEST)])
        assert response["meta"]["trace_id"] == ""


@pytest.mark.parametrize("share", ["often", "2", "-1"])
def test_invalid_trace_share_is_rejected(share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.TRACES.name, share)
    with pytest.raises(SettingError, match="MULTICHAIN_TRACES must be a number from 0 to 1"):
        environment.TRACES.read()
