"""Evaluation files, estimates, and the command ``training evaluate``."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import DocumentError
from model.profile import Profile
from tests.fixtures import ROOT
from training.evaluation import profile_benchmark
from training.evaluation.dataset import Example, read_dataset
from training.evaluation.statistics import (
    auroc,
    balanced_accuracy,
    estimate_mean,
    estimate_ranking,
    estimate_separation,
)

SQUAD = {
    "data": [
        {
            "title": topic,
            "paragraphs": [
                {
                    "context": f"The {topic} number {n} was built by {maker}. It stands in the town of {town}.",
                    "qas": [
                        {"question": f"Who built the {topic} number {n}?", "answers": [{"text": maker}]},
                        {"question": f"Where does the {topic} built by {maker} stand?", "answers": [{"text": town}]},
                    ],
                }
                for n, (maker, town) in enumerate([("Anna Berg", "Graz"), ("Otto Lind", "Linz"), ("Eva Maier", "Wels")])
            ],
        }
        for topic in ("pump", "boiler", "chimney", "mill")
    ]
}


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    (tmp_path / "squad.json").write_text(json.dumps(SQUAD), "utf-8")
    return tmp_path / "squad.json"


def test_squad_file_gives_examples_and_paragraphs(squad: Path) -> None:
    dataset = read_dataset(squad)
    assert (len(dataset.examples), len(dataset.paragraphs)) == (24, 12)
    assert dataset.examples[3] == Example(
        "Where does the pump built by Otto Lind stand?",
        ("Linz",),
        "pump/001.txt",
        "The pump number 1 was built by Otto Lind. It stands in the town of Linz.",
        "pump",
    )
    assert dataset.paragraphs["mill/002.txt"].endswith("Wels.")


def test_json_lines_give_one_example_per_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    lines = [
        {"question": "a?", "answer": "A", "source": "a.txt"},
        {"question": "b?", "answer": ["B", "b"]},
        {"question": "c?", "answer": ""},
        {"question": "d?", "source": "d.txt", "expected_response": "D it is."},
        {"prompt": "A d", "question": "e?", "answer": "E"},
        {"prompt": "A d"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n", "utf-8")
    assert read_dataset(file).examples == [
        Example("a?", ("A",), "a.txt"),
        Example("b?", ("B", "b")),
        Example("c?", is_answerable=False),
        Example("d?", (), "d.txt", expected_response="D it is."),
        Example("e?", ("E",), prompt="A d"),
        Example("", is_answerable=False, prompt="A d"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.jsonl", '{"question": "a"}\n{"answer": "b"}\n', r'a\.jsonl:2: expected \{"question": "…"'),
        ("a.jsonl", "no", r"a\.jsonl:1: expected"),
        ("a.jsonl", "\n", r"a\.jsonl contains no example"),
        ("a.json", "{}", r"a\.json is not in SQuAD's format \(KeyError\)"),
        ("a.json", '{"data": []}', r"a\.json contains no example"),
    ],
)
def test_invalid_evaluation_file_is_refused_with_its_cause(name: str, text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(DocumentError, match=sentence):
        read_dataset(tmp_path / name)


def test_missing_evaluation_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"cannot be read \(FileNotFoundError\)"):
        read_dataset(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("example", "source", "is_match"),
    [
        (Example("q", ("A",), "a.txt"), {"source": "a.txt", "text": "x"}, True),
        (Example("q", ("A",), "a.txt"), {"source": "b.txt", "text": "A"}, False),
        (Example("q", ("Graz",)), {"source": "b.txt", "text": "in graz."}, True),
        (Example("q", ("Graz",)), {"source": "b.txt", "text": "in Linz."}, False),
        (Example("q", ("A",), "a.txt", "One A.  Two."), {"source": "a.txt", "text": "Two."}, True),
        (Example("q", ("A",), "a.txt", "One A."), {"source": "a.txt", "text": "Three."}, False),
    ],
)
def test_example_matches_its_source_or_its_answer_text(
    example: Example, source: dict[str, Any], is_match: bool
) -> None:
    assert example.matches_source(source) == is_match


def test_ranking_estimates_equal_hand_computed_values() -> None:
    estimates = {estimate.name: estimate.value for estimate in estimate_ranking([1, 1, 2, 5, None, 11])}
    assert estimates == pytest.approx(
        {
            "recall@1": 2 / 6,
            "recall@4": 3 / 6,
            "recall@10": 4 / 6,
            "MRR@10": (1 + 1 + 1 / 2 + 1 / 5) / 6,
            "nDCG@10": (1 + 1 + 1 / math.log2(3) + 1 / math.log2(6)) / 6,
        }
    )


def test_interval_contains_the_mean_and_narrows_with_more_values() -> None:
    few, many = estimate_mean("few", [0.0, 1.0] * 10), estimate_mean("many", [0.0, 1.0] * 1000)
    assert (few.value, many.value, few.count) == (0.5, 0.5, 20)
    assert few.low < many.low < 0.5 < many.high < few.high
    assert 0.15 < 0.5 - few.low < 0.3
    assert math.isnan(estimate_mean("none", []).value)


def test_separation_estimates_equal_hand_computed_values() -> None:
    with_answer, without_answer = [0.9, 0.8, 0.4], [0.5, 0.1]
    assert estimate_separation("x", auroc, with_answer, without_answer).value == pytest.approx(5 / 6)
    assert balanced_accuracy(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert estimate_separation("x", auroc, with_answer, []).count == 0


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=20).map(lambda v: np.array(v, dtype=np.float64)),
    st.lists(st.integers(0, 5), min_size=1, max_size=20).map(lambda v: np.array(v, dtype=np.float64)),
)
def test_auroc_equals_the_share_of_ordered_pairs(with_answer: Any, without_answer: Any) -> None:
    pairs = (with_answer[:, None] > without_answer).mean() + (with_answer[:, None] == without_answer).mean() / 2
    assert auroc(with_answer, without_answer) == pytest.approx(pairs)


def test_profile_benchmark_on_squad_returns_all_tables(squad: Path) -> None:
    tables = dict(profile_benchmark.benchmark_profile(Profile.read("offline"), read_dataset(squad)))
    assert list(tables) == [
        "all paragraphs in one index",
        "by kind of question",
        "the quarter with the fewest words in common",
        "with typing errors",
        "for comparison, words alone",
        "for comparison, letters alone",
        "for comparison, vectors alone",
        "questions whose article is not indexed",
        "questions whose paragraph is not indexed",
    ]
    estimates = {estimate.name: estimate.value for estimate in tables["all paragraphs in one index"]}
    assert (estimates["recall@1"], estimates["answered"]) == (1.0, 1.0)
    assert estimates["answer recall"] == 1.0  # the town is in the sentence after the builder's
    assert {estimate.count for estimate in tables["questions whose article is not indexed"][:2]} == {48}


def test_evaluate_command_logs_metrics_and_traces_of_a_version(
    logged: str, store: Path, tmp_path: Path, run: Any
) -> None:
    file = tmp_path / "mine.jsonl"
    lines = [
        {"question": "What is GPT-4?", "answer": "powerful language model", "source": "gpt-4.txt"},
        {"question": "Tell me about LangChain.", "answer": "a framework", "source": "langchain.txt"},
        {"question": "Who discovered penicillin?", "answer": ""},
    ]
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{store / 'mlflow.db'}"}
    process = run("training", "evaluate", logged, "--evaluation", str(file), folder=store, **environment)
    assert process.returncode == 0, process.stderr
    lines_by_name = {line.split("  ")[1].strip(): line for line in process.stdout.splitlines() if line.startswith("  ")}
    for name in ("recall_at_1", "answer_recall", "refused", "citation_precision", "contract"):
        assert "1.000   [1.000, 1.000]" in lines_by_name[name]
    import mlflow

    (mlflow_run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")[:1]
    assert (mlflow_run.data.metrics["recall_at_1"], mlflow_run.data.tags["version"]) == (1.0, logged)
    model_metrics = mlflow.get_logged_model(logged.removeprefix("models:/")).metrics
    assert {metric.key for metric in model_metrics if metric.run_id == mlflow_run.info.run_id} >= {
        "recall_at_1",
        "seconds",
        "cost",
    }
    files = {artifact.path for artifact in mlflow.MlflowClient().list_artifacts(mlflow_run.info.run_id)}
    assert files == {"quality.json", "rows.json", "figures.png", "scores.png", "worst.png"}
    traces = mlflow.search_traces(run_id=mlflow_run.info.run_id, return_type="list")
    assert len(traces) == len(lines)
    assessments = {assessment.name: assessment.value for assessment in traces[0].info.assessments}
    assert (assessments["contract"], assessments["error"]) == (True, False)
    assert traces[0].info.tags["multichain.evaluation"] == "mine.jsonl"


def test_evaluate_command_without_version_refuses_json_lines(tmp_path: Path, run: Any) -> None:
    (tmp_path / "mine.jsonl").write_text('{"question": "a?", "answer": "A"}', "utf-8")
    process = run("training", "evaluate", "--evaluation", "mine.jsonl")
    assert process.stderr.startswith("Error: mine.jsonl contains no paragraphs to index; name a version")


@pytest.mark.skipif(
    not (ROOT / "../shared/data/xquad-en-dev.json").exists(), reason="the development set is not available"
)
def test_offline_profile_on_development_set_reaches_its_floors() -> None:
    """Check floors a little below the measurements in docs/decisions.md."""
    dataset = read_dataset(ROOT / "../shared/data/xquad-en-dev.json")
    tables = profile_benchmark.benchmark_profile(Profile.read("offline"), dataset)
    estimates = {estimate.name: estimate.value for estimate in next(tables)[1]}
    assert estimates["recall@1"] > 0.92
    assert estimates["recall@4"] > 0.975
    assert estimates["answer recall of those answered"] > 0.86
    assert estimates["characters of an answer"] < 330
