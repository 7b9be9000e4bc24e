"""Feedback recorded at traces, examples made from feedback, and metrics of a judge."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from model.errors import CommandError
from serving.errors import ServingError
from serving.local import feedback as feedback_module
from serving.local.feedback import record_feedback
from serving.targets import load_target
from standin.app import StandIn
from training.evaluation.dataset import Example, read_dataset
from training.evaluation.human_feedback import append_lines, collect_feedback
from training.evaluation.mlflow_run import evaluate_version


def ignore_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""


@pytest.fixture
def traced(store: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Create an experiment in which every request is traced; yield its identifier."""
    experiment = mlflow.create_experiment(str(request.node.nodeid))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    monkeypatch.setenv("MULTICHAIN_TRACES", "1")
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    yield experiment
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")


def ask(uri: str, question: str) -> str:
    """Ask a question and return the identifier of its trace."""
    request = {"qa": {"question": question}, "image_generation": {"prompt": "A diagram of LangChain"}}
    return str(load_target(uri).ask(request)["meta"]["trace_id"])


def test_collect_feedback_makes_a_line_for_each_judged_answer(logged: str, traced: str) -> None:
    record_feedback(ask(logged, "Tell me about LangChain."), "it says it", good=True)
    record_feedback(ask(logged, "Who discovered penicillin?"), "it is not there", good=True)
    record_feedback(ask(logged, "Who makes GPT-4?"), "too long", "OpenAI", good=False)
    record_feedback(ask(logged, "What is Azure?"), "no", "word " * 11, good=False)
    record_feedback(ask(logged, "What is a framework?"), "no", good=False)
    ask(logged, "What is nobody's business?")
    feedback = collect_feedback()
    answer = (
        "LangChain is a framework designed to simplify the creation of applications using large language models. [1]"
    )
    assert feedback.lines == {
        "Tell me about LangChain.": {
            "question": "Tell me about LangChain.",
            "source": "langchain.txt",
            "expected_response": answer,
        },
        "Who discovered penicillin?": {"question": "Who discovered penicillin?", "answer": ""},
        "Who makes GPT-4?": {"question": "Who makes GPT-4?", "answer": "OpenAI", "expected_response": "OpenAI"},
        "What is Azure?": {"question": "What is Azure?", "expected_response": "word " * 11},
    }
    assert (feedback.without_expectation, feedback.masked_count) == (1, 0)


def test_collect_feedback_uses_the_newest_judgement(logged: str, traced: str) -> None:
    for expected in ("OpenAI", "OpenAI, since 2023"):
        record_feedback(ask(logged, "Who makes GPT-4?"), "", expected, good=False)
    assert collect_feedback().lines["Who makes GPT-4?"]["answer"] == "OpenAI, since 2023"


def test_newer_bad_judgement_replaces_an_older_good_one(logged: str, traced: str) -> None:
    record_feedback(ask(logged, "Who makes GPT-4?"), "", good=True)
    record_feedback(ask(logged, "Who makes GPT-4?"), "", "OpenAI, since 2023", good=False)
    record_feedback(ask(logged, "What is Azure?"), "", good=True)
    record_feedback(ask(logged, "What is Azure?"), "", good=False)
    feedback = collect_feedback()
    assert {question: line["expected_response"] for question, line in feedback.lines.items()} == {
        "Who makes GPT-4?": "OpenAI, since 2023"
    }
    assert feedback.without_expectation == 1


def test_collect_feedback_skips_masked_questions(logged: str, traced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_TRACES_MASKED", "true")
    record_feedback(ask(logged, "Who makes GPT-4?"), "", good=True)
    feedback = collect_feedback()
    assert (feedback.lines, feedback.masked_count) == ({}, 1)


def test_append_lines_adds_each_line_once_and_only_to_jsonl(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "a?", "answer": "A"}', "utf-8")
    lines: dict[str, dict[str, Any]] = {f"{n}?": {"question": f"{n}?", "answer": n.upper()} for n in "ab"}
    assert (append_lines(file, lines), append_lines(file, lines)) == (1, 0)
    assert read_dataset(file).examples == [Example("a?", ("A",)), Example("b?", ("B",))]
    with pytest.raises(CommandError, match=r"mine.json: examples are added to JSON lines only"):
        append_lines(tmp_path / "mine.json", lines)


def test_record_feedback_refuses_missing_traces(traced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServingError, match="the answer has no trace; set MULTICHAIN_TRACES=1 in the server"):
        record_feedback("", "why", good=True)
    monkeypatch.setattr(feedback_module, "_MAX_WAIT_SECONDS", 0.1)
    with pytest.raises(ServingError, match="the trace tr-none is not in sqlite"):
        record_feedback("tr-none", "why", good=True)


def test_feedback_commands_record_and_collect_judgements(
    logged: str, store: Path, traced: str, run: Any, tmp_path: Path
) -> None:
    environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{store / 'mlflow.db'}", "MULTICHAIN_TRACES": "0"}
    words = ("serving", "ask", "--question", "Who makes GPT-4?", "--target", logged)
    answer = run(*words, "--bad", "too long", "--expected", "OpenAI", folder=store, **environment)
    assert "Recorded the answer as bad in the trace tr-" in answer.stdout, answer.stderr
    assert "not both" in run(*words, "--bad", "a", "--good", "b").stderr
    assert "--expected needs --bad" in run(*words, "--good", "a", "--expected", "b").stderr
    file = tmp_path / "rows.jsonl"
    collection = run("training", "evaluate", "--from-traces", "--evaluation", str(file), folder=store, **environment)
    assert collection.stdout == f"Made 1 examples from judged questions, 1 of them new in {file}\n", collection.stderr
    assert json.loads(file.read_text("utf-8"))["answer"] == "OpenAI"
    evaluation = run("training", "evaluate", logged, "--from-traces", folder=store, **environment)
    assert f"{logged} on judged questions, 1 examples" in evaluation.stdout, evaluation.stderr


def test_judge_gives_its_metrics_on_answered_examples(logged: str, traced: str, stand_in: StandIn) -> None:
    examples = [Example("Who makes GPT-4?", ("OpenAI",), "gpt-4.txt"), Example("Who found gold?", is_answerable=False)]
    _, estimates = evaluate_version(logged, "two rows", examples, "openai:/gpt-4.1", ignore_progress)
    counts = {estimate.name: (estimate.value, estimate.count) for estimate in estimates}
    assert [counts[name] for name in ("correctness", "groundedness", "relevance")] == [(1.0, 1)] * 3
    prompts = [body["messages"][-1]["content"] for _, body in stand_in.script.calls]
    assert len(prompts) == 3
    assert all("GPT-4 is a powerful language model developed by OpenAI. [1]" in text for text in prompts)
    assert not any('"ran"' in text for text in prompts)


def test_evaluation_with_failing_judge_is_refused(logged: str, traced: str, stand_in: StandIn) -> None:
    with pytest.raises(CommandError, match="the judge gave no mark; its replies are in the traces of the run"):
        evaluate_version(
            logged, "a row", [Example("Who makes GPT-4?", ("OpenAI",))], "openai:/no-such-model", ignore_progress
        )
