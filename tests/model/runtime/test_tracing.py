"""A request as one trace: its steps, documents, tokens and times, no picture and no key, masked where wanted."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest

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
    monkeypatch.setenv(tracing.SHARE, "1")
    assert stand_in
    profile = Profile.read(str(tmp_path / "mine.yaml"))
    made = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))
    made.trace_request = tracing.trace_request
    return made


def answered(pipeline: Pipeline, request: Any = REQUEST) -> tuple[Any, Any]:
    """The response, and its trace as the store has it."""
    (response,) = pipeline.answer_requests([Request(dict(request))], "7")
    mlflow.flush_trace_async_logging()
    return response, mlflow.get_trace(response["meta"]["trace_id"])


def test_a_request_is_one_trace_of_its_steps(pipeline: Pipeline) -> None:
    response, trace = answered(pipeline)
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


def test_the_retrieval_has_its_documents_as_scorers_read_them(pipeline: Pipeline) -> None:
    response, trace = answered(pipeline, {"qa": REQUEST["qa"]})
    (retrieval,) = trace.search_spans(span_type="RETRIEVER")
    documents = [(one["metadata"]["doc_uri"], one["page_content"]) for one in retrieval.outputs]
    assert documents == [(source["source"], source["text"]) for source in response["qa"]["sources"]]


def test_pictures_are_told_by_hash(pipeline: Pipeline) -> None:
    response, trace = answered(pipeline)
    told = trace.to_json()
    assert response["image_generation"]["sha256"] in told
    assert response["image_generation"]["image"][:200] not in told


def test_masked_no_text_is_in_it_and_a_key_never_is(
    pipeline: Pipeline, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stand_in.key not in answered(pipeline)[1].to_json()
    monkeypatch.setenv(tracing.MASKED, "true")
    response, trace = answered(pipeline)
    told = trace.to_json()
    for text in ("What is LangChain?", "LangChain in use", response["qa"]["answer"], "framework designed"):
        assert json.dumps(text)[1:-1] not in told
    assert "(18 characters)" in told


def test_retries_and_failures_are_told(pipeline: Pipeline, stand_in: StandIn) -> None:
    stand_in.script.faults.append(Fault(status=500, headers={"retry-after-ms": "1"}))
    _, trace = answered(pipeline, {"qa": REQUEST["qa"]})
    assert {span.name: span.attributes.get("retries") for span in trace.data.spans}["chat"] == 1
    stand_in.script.faults.append(Fault(status=400))
    response, trace = answered(pipeline, {"qa": REQUEST["qa"]})
    assert response["qa"]["error"].startswith("provider: ")
    assert {span.name: span.status.status_code for span in trace.data.spans}["chat"] == "ERROR"


def test_it_is_off_unless_it_is_asked_for(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for share in ("0", ""):
        monkeypatch.setenv(tracing.SHARE, share)
        (response,) = pipeline.answer_requests([Request(REQUEST)])
        assert response["meta"]["trace_id"] == ""


@pytest.mark.parametrize("told", ["often", "2", "-1"])
def test_a_share_that_is_none(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tracing.SHARE, told)
    with pytest.raises(SettingError, match="MULTICHAIN_TRACES is expected to be a number from 0 to 1"):
        tracing.read_trace_share()
