"""People's words on answers: kept at traces, made into evaluation rows; and a chat model as the judge."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from model.errors import CommandError
from serving.errors import ServingError
from serving.local import feedback as marking
from serving.local.client import LoadedTarget
from serving.local.feedback import record_feedback
from standin.app import StandIn
from training.evaluation.dataset import Example, read_dataset
from training.evaluation.human_feedback import append_lines, collect_feedback
from training.evaluation.mlflow_run import evaluate_version


def quiet(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def traced(store: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An experiment of the test's own, in which every request is a trace."""
    made = mlflow.create_experiment(str(request.node.nodeid))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", made)
    monkeypatch.setenv("MULTICHAIN_TRACES", "1")
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    yield made
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")


def asked(uri: str, question: str) -> str:
    """The trace of an answer."""
    request = {"qa": {"question": question}, "image_generation": {"prompt": "A diagram of LangChain"}}
    return str(LoadedTarget(uri).ask(request)["meta"]["trace_id"])


def test_judged_answers_become_rows(logged: str, traced: str) -> None:
    record_feedback(asked(logged, "Tell me about LangChain."), "it says it", good=True)
    record_feedback(asked(logged, "Who discovered penicillin?"), "it is not there", good=True)
    record_feedback(asked(logged, "Who makes GPT-4?"), "too long", "OpenAI", good=False)
    record_feedback(asked(logged, "What is Azure?"), "no", "word " * 11, good=False)
    record_feedback(asked(logged, "What is a framework?"), "no", good=False)
    asked(logged, "What is nobody's business?")
    found = collect_feedback()
    said = "LangChain is a framework designed to simplify the creation of applications using large language models. [1]"
    assert found.lines == {
        "Tell me about LangChain.": {
            "question": "Tell me about LangChain.",
            "source": "langchain.txt",
            "expected_response": said,
        },
        "Who discovered penicillin?": {"question": "Who discovered penicillin?", "answer": ""},
        "Who makes GPT-4?": {"question": "Who makes GPT-4?", "answer": "OpenAI", "expected_response": "OpenAI"},
        "What is Azure?": {"question": "What is Azure?", "expected_response": "word " * 11},
    }
    assert (found.without_expectation, found.masked_count) == (1, 0)


def test_the_newest_judgement_counts(logged: str, traced: str) -> None:
    for expected in ("OpenAI", "OpenAI, since 2023"):
        record_feedback(asked(logged, "Who makes GPT-4?"), "", expected, good=False)
    assert collect_feedback().lines["Who makes GPT-4?"]["answer"] == "OpenAI, since 2023"


def test_a_masked_question_makes_no_row(logged: str, traced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_TRACES_MASKED", "true")
    record_feedback(asked(logged, "Who makes GPT-4?"), "", good=True)
    found = collect_feedback()
    assert (found.lines, found.masked_count) == ({}, 1)


def test_rows_are_added_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "a?", "answer": "A"}', "utf-8")
    lines: dict[str, dict[str, Any]] = {f"{n}?": {"question": f"{n}?", "answer": n.upper()} for n in "ab"}
    assert (append_lines(file, lines), append_lines(file, lines)) == (1, 0)
    assert read_dataset(file).examples == [Example("a?", ("A",)), Example("b?", ("B",))]
    with pytest.raises(CommandError, match=r"mine.json: examples are added to JSON lines only"):
        append_lines(tmp_path / "mine.json", lines)


def test_what_cannot_be_marked(traced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServingError, match="the answer has no trace; set MULTICHAIN_TRACES=1 in the server"):
        record_feedback("", "why", good=True)
    monkeypatch.setattr(marking, "_MAX_WAIT_SECONDS", 0.1)
    with pytest.raises(ServingError, match="the trace tr-none is not in sqlite"):
        record_feedback("tr-none", "why", good=True)


def test_the_commands(logged: str, store: Path, traced: str, run: Any, tmp_path: Path) -> None:
    there = {"MLFLOW_TRACKING_URI": f"sqlite:///{store / 'mlflow.db'}", "MULTICHAIN_TRACES": "0"}
    words = ("serving", "ask", "--question", "Who makes GPT-4?", "--target", logged)
    done = run(*words, "--bad", "too long", "--expected", "OpenAI", folder=store, **there)
    assert "Recorded the answer as bad in the trace tr-" in done.stdout, done.stderr
    assert "not both" in run(*words, "--bad", "a", "--good", "b").stderr
    assert "--expected needs --bad" in run(*words, "--good", "a", "--expected", "b").stderr
    file = tmp_path / "rows.jsonl"
    told = run("training", "evaluate", "--from-traces", "--evaluation", str(file), folder=store, **there)
    assert told.stdout == f"Made 1 examples from judged questions, 1 of them new in {file}\n", told.stderr
    assert json.loads(file.read_text("utf-8"))["answer"] == "OpenAI"
    again = run("training", "evaluate", logged, "--from-traces", folder=store, **there)
    assert f"{logged} on judged questions, 1 examples" in again.stdout, again.stderr


def test_a_chat_model_judges(logged: str, traced: str, stand_in: StandIn) -> None:
    examples = [Example("Who makes GPT-4?", ("OpenAI",), "gpt-4.txt"), Example("Who found gold?", is_answerable=False)]
    _, figures = evaluate_version(logged, "two rows", examples, "openai:/gpt-4.1", quiet)
    counts = {one.name: (one.value, one.count) for one in figures}
    assert [counts[name] for name in ("correctness", "groundedness", "relevance")] == [(1.0, 1)] * 3
    asked_of_it = [body["messages"][-1]["content"] for _, body in stand_in.script.calls]
    assert len(asked_of_it) == 3
    assert all("GPT-4 is a powerful language model developed by OpenAI. [1]" in text for text in asked_of_it)
    assert not any('"ran"' in text for text in asked_of_it)


def test_a_judge_that_gives_no_mark(logged: str, traced: str, stand_in: StandIn) -> None:
    with pytest.raises(CommandError, match="the judge gave no mark; its replies are in the traces of the run"):
        evaluate_version(logged, "a row", [Example("Who makes GPT-4?", ("OpenAI",))], "openai:/no-such-model", quiet)
