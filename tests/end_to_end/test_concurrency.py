"""Many requests at once: their order, isolation, shared calls and deadlines."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.contract.requests import Request
from model.pipeline import Pipeline
from model.profile import Profile
from model.retrieval.local.index import Index
from standin.app import StandIn
from standin.faults import Fault
from tests.fixtures import PAID_PROFILE

QUESTIONS = ["What is LangChain?", "What is GPT-4?", "Who made GPT-4?", "Where do whales live?", "Azure", "", "What?"]
ROW = st.fixed_dictionaries(
    {},
    optional={
        "qa": st.fixed_dictionaries(
            {"question": st.sampled_from(QUESTIONS)}, optional={"k": st.integers(0, 3), "filter": st.just({"page": 0})}
        ),
        "image_generation": st.fixed_dictionaries({"prompt": st.sampled_from(["LangChain in use", "{qa.answer}", ""])}),
    },
)


def strip_varying_fields(response: Any) -> Any:
    """Return a response without the fields that differ from call to call."""
    stages = {}
    for stage, fields in response.items():
        fixed_fields = {name: value for name, value in fields.items() if name not in {"seconds", "usage"}}
        stages[stage] = fixed_fields | ({"tokens": 0} if stage != "meta" else {})
    return stages


@pytest.fixture(scope="module")
def pipeline(index_folder: Path) -> Pipeline:
    profile = Profile.read("offline")
    return profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))


@pytest.fixture
def paid_pipeline(index_folder: Path, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paid.yaml").write_text(PAID_PROFILE, "utf-8")
    stand_in.script.is_plain = True
    profile = Profile.read("paid.yaml")
    return profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))


@given(rows=st.lists(ROW, max_size=6))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_batch_gives_the_responses_of_single_calls(rows: list[Any], pipeline: Pipeline) -> None:
    together = pipeline.answer_requests([Request(row) for row in rows])
    assert [strip_varying_fields(response) for response in together] == [
        strip_varying_fields(pipeline.answer_requests([Request(row)])[0]) for row in rows
    ]


def test_equal_rows_of_a_batch_share_one_paid_call(paid_pipeline: Pipeline, stand_in: StandIn) -> None:
    row = {"qa": {"question": "What is LangChain?"}, "image_generation": {"prompt": "A fox"}}
    different_row = {"qa": {"question": "What is GPT-4?"}, "image_generation": {"prompt": "A fox", "sample": 2}}
    answers = paid_pipeline.answer_requests([Request(values) for values in [row, different_row, row, row]])
    paths = [path for path, _ in stand_in.script.calls]
    assert sorted(paths) == ["chat/completions"] * 2 + ["images/generations"] * 2
    assert [answer["qa"]["usage"]["cached"] for answer in answers] == [False, False, True, True]
    assert [answer["qa"]["usage"]["cost"] > 0 for answer in answers] == [True, True, False, False]
    assert answers[0]["qa"]["answer"] == answers[2]["qa"]["answer"]
    answers[2]["qa"]["sources"][0]["text"] = "changed by its owner"
    assert answers[0]["qa"]["sources"][0]["text"] != "changed by its owner"


def test_shared_call_is_retried_more_often_than_a_single_call(paid_pipeline: Pipeline, stand_in: StandIn) -> None:
    faults = [Fault(status=500, headers={"retry-after-ms": "1"}, path="chat/completions")] * 7
    row = {"qa": {"question": "What is LangChain?"}}
    stand_in.script.faults.extend(faults)
    answers = paid_pipeline.answer_requests([Request(row)] * 3)
    assert [answer["qa"]["error"] for answer in answers] == [""] * 3
    stand_in.script.faults.extend(faults)
    (answer,) = paid_pipeline.answer_requests([Request(row)])
    assert answer["qa"]["error"].startswith("provider_busy: openai:gpt-4.1 is overloaded")


def test_invalid_and_refused_rows_leave_the_other_rows_unaffected(paid_pipeline: Pipeline, stand_in: StandIn) -> None:
    stand_in.script.is_plain = False
    rows: list[Any] = [{"qa": {"question": f"What is LangChain {n}?"}} for n in range(5)]
    rows[2] = {"qa": {"question": ""}}
    rows.append({"image_generation": {"prompt": "a weapon"}})
    answers = paid_pipeline.answer_requests([Request(row) for row in rows])
    errors = [answer["qa"]["error"].partition(":")[0] for answer in answers[:5]]
    assert errors == ["", "", "invalid_request", "", ""]
    assert answers[5]["image_generation"]["error"].startswith("refused: ")


def test_calls_of_64_threads_all_succeed_within_the_concurrency_limit(
    paid_pipeline: Pipeline, stand_in: StandIn
) -> None:
    stand_in.script.latency["chat/completions"] = 0.05

    def ask(number: int) -> str:
        (answer,) = paid_pipeline.answer_requests([Request({"qa": {"question": f"What is LangChain {number % 32}?"}})])
        return str(answer["qa"]["error"])

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(ask, range(64))) == {""}
    assert stand_in.script.peak["chat/completions"] <= 16
    assert len(stand_in.script.calls) <= 64


def test_deadline_of_a_millisecond_fails_rows_but_no_later_call(
    paid_pipeline: Pipeline, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_DEADLINE_SECONDS", "0.001")
    stand_in.script.latency["chat/completions"] = 0.5
    answers = paid_pipeline.answer_requests([Request({"qa": {"question": "What is LangChain?"}})] * 3)
    assert {answer["qa"]["error"].partition(":")[0] for answer in answers} == {"deadline"}
    monkeypatch.delenv("MULTICHAIN_DEADLINE_SECONDS")
    (answer,) = paid_pipeline.answer_requests([Request({"qa": {"question": "What is LangChain?"}})])
    assert answer["qa"]["error"] == ""


def test_hanging_provider_fails_its_stage_alone_at_the_deadline(
    paid_pipeline: Pipeline, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_DEADLINE_SECONDS", "3")
    stand_in.script.faults.append(Fault("hang", path="chat/completions", seconds=30))
    row = {"qa": {"question": "What is LangChain?"}, "image_generation": {"prompt": "A fox"}}
    (answer,) = paid_pipeline.answer_requests([Request(row)])
    assert answer["qa"]["error"].startswith("deadline: qa: the request's time was up")
    assert [source["cited"] for source in answer["qa"]["sources"]] == [False] * 3
    assert answer["qa"]["support"] > 0
    assert answer["qa"]["usage"]["input_tokens"] > 100
    assert not answer["qa"]["usage"]["cost_known"]
    assert answer["image_generation"]["error"] == ""


def test_rows_succeed_after_ten_seconds_of_rate_limit_refusals(paid_pipeline: Pipeline, stand_in: StandIn) -> None:
    import threading

    refusals = [Fault(status=429, headers={"retry-after": "1"}, path="chat/completions")] * 2000
    stand_in.script.faults.extend(refusals)
    threading.Timer(10, stand_in.script.faults.clear).start()
    answers = paid_pipeline.answer_requests(
        [Request({"qa": {"question": f"What is LangChain {n}?"}}) for n in range(12)]
    )
    assert [answer["qa"]["error"] for answer in answers] == [""] * 12
    assert len(stand_in.script.calls) < 200


def test_forked_process_answers_with_a_pipeline_used_before_the_fork(pipeline: Pipeline) -> None:
    request = Request({"qa": {"question": "What is LangChain?"}})
    answer = pipeline.answer_requests([request])[0]["qa"]["answer"]
    child = os.fork()
    if child == 0:
        os._exit(0 if pipeline.answer_requests([request])[0]["qa"]["answer"] == answer else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_event_loop_that_stops_fails_its_request_and_is_replaced(paid_pipeline: Pipeline, stand_in: StandIn) -> None:
    import threading
    import time

    stand_in.script.latency["chat/completions"] = 5.0
    outcomes: list[BaseException | Any] = []

    def ask() -> None:
        try:
            outcomes.append(paid_pipeline.answer_requests([Request({"qa": {"question": "What is LangChain?"}})]))
        except BaseException as error:  # noqa: BLE001 - the test asserts on it
            outcomes.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not stand_in.script.calls:
        time.sleep(0.01)
    loop_thread = paid_pipeline.engine._loop_thread  # noqa: SLF001 - nothing else can kill it
    assert loop_thread is not None
    loop_thread.loop.call_soon_threadsafe(loop_thread.loop.stop)
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert "try again" in str(outcomes[0])
    stand_in.script.latency.clear()
    (answer,) = paid_pipeline.answer_requests([Request({"qa": {"question": "What is LangChain?"}})])
    assert answer["qa"]["error"] == ""
