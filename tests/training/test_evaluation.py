"""Evaluation files, the figures, and what ``training evaluate`` prints."""

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


def test_squad_brings_questions_and_paragraphs(squad: Path) -> None:
    told = read_dataset(squad)
    assert (len(told.examples), len(told.paragraphs)) == (24, 12)
    assert told.examples[3] == Example(
        "Where does the pump built by Otto Lind stand?",
        ("Linz",),
        "pump/001.txt",
        "The pump number 1 was built by Otto Lind. It stands in the town of Linz.",
        "pump",
    )
    assert told.paragraphs["mill/002.txt"].endswith("Wels.")


def test_json_lines(tmp_path: Path) -> None:
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
def test_what_is_no_evaluation(name: str, text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(DocumentError, match=sentence):
        read_dataset(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"cannot be read \(FileNotFoundError\)"):
        read_dataset(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("example", "source", "found"),
    [
        (Example("q", ("A",), "a.txt"), {"source": "a.txt", "text": "x"}, True),
        (Example("q", ("A",), "a.txt"), {"source": "b.txt", "text": "A"}, False),
        (Example("q", ("Graz",)), {"source": "b.txt", "text": "in graz."}, True),
        (Example("q", ("Graz",)), {"source": "b.txt", "text": "in Linz."}, False),
        (Example("q", ("A",), "a.txt", "One A.  Two."), {"source": "a.txt", "text": "Two."}, True),
        (Example("q", ("A",), "a.txt", "One A."), {"source": "a.txt", "text": "Three."}, False),
    ],
)
def test_what_a_question_is_about(example: Example, source: dict[str, Any], found: bool) -> None:
    assert example.matches_source(source) == found


def test_figures_of_ranks() -> None:
    figures = {figure.name: figure.value for figure in estimate_ranking([1, 1, 2, 5, None, 11])}
    assert figures == pytest.approx(
        {
            "recall@1": 2 / 6,
            "recall@4": 3 / 6,
            "recall@10": 4 / 6,
            "MRR@10": (1 + 1 + 1 / 2 + 1 / 5) / 6,
            "nDCG@10": (1 + 1 + 1 / math.log2(3) + 1 / math.log2(6)) / 6,
        }
    )


def test_an_interval_holds_the_figure_and_narrows_with_more_questions() -> None:
    few, many = estimate_mean("few", [0.0, 1.0] * 10), estimate_mean("many", [0.0, 1.0] * 1000)
    assert (few.value, many.value, few.count) == (0.5, 0.5, 20)
    assert few.low < many.low < 0.5 < many.high < few.high
    assert 0.15 < 0.5 - few.low < 0.3
    assert math.isnan(estimate_mean("none", []).value)


def test_parting() -> None:
    there, gone = [0.9, 0.8, 0.4], [0.5, 0.1]
    assert estimate_separation("x", auroc, there, gone).value == pytest.approx(5 / 6)
    assert balanced_accuracy(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert estimate_separation("x", auroc, there, []).count == 0


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=20).map(lambda v: np.array(v, dtype=np.float64)),
    st.lists(st.integers(0, 5), min_size=1, max_size=20).map(lambda v: np.array(v, dtype=np.float64)),
)
def test_auroc_counts_pairs(there: Any, gone: Any) -> None:
    pairs = (there[:, None] > gone).mean() + (there[:, None] == gone).mean() / 2
    assert auroc(there, gone) == pytest.approx(pairs)


def test_a_profile_over_a_squad_file(squad: Path) -> None:
    tables = dict(profile_benchmark.benchmark_profile(Profile.read("offline"), read_dataset(squad)))
    assert list(tables) == [
        "all paragraphs in one index",
        "the quarter with the fewest words in common",
        "with typing errors",
        "for comparison, words alone",
        "for comparison, letters alone",
        "for comparison, vectors alone",
        "questions whose article is not indexed",
        "questions whose paragraph is not indexed",
    ]
    whole = {figure.name: figure.value for figure in tables["all paragraphs in one index"]}
    assert (whole["recall@1"], whole["answered"]) == (1.0, 1.0)
    assert whole["answer recall"] == 0.5  # where it stands is said in another sentence than what was asked
    assert {figure.count for figure in tables["questions whose article is not indexed"][:2]} == {48}


def test_the_command_on_a_version(logged: str, store: Path, tmp_path: Path, run: Any) -> None:
    file = tmp_path / "mine.jsonl"
    lines = [
        {"question": "What is GPT-4?", "answer": "powerful language model", "source": "gpt-4.txt"},
        {"question": "Tell me about LangChain.", "answer": "a framework", "source": "langchain.txt"},
        {"question": "Who discovered penicillin?", "answer": ""},
    ]
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{store / 'mlflow.db'}"}
    done = run("training", "evaluate", logged, "--evaluation", str(file), folder=store, **environment)
    assert done.returncode == 0, done.stderr
    printed = {line.split("  ")[1].strip(): line for line in done.stdout.splitlines() if line.startswith("  ")}
    for name in ("recall_at_1", "answer_recall", "refused", "citation_precision", "contract"):
        assert "1.000   [1.000, 1.000]" in printed[name]
    import mlflow

    (kept,) = mlflow.search_runs(search_all_experiments=True, output_format="list")[:1]
    assert (kept.data.metrics["recall_at_1"], kept.data.tags["version"]) == (1.0, logged)
    linked = mlflow.get_logged_model(logged.removeprefix("models:/")).metrics
    assert {one.key for one in linked if one.run_id == kept.info.run_id} >= {"recall_at_1", "seconds", "cost"}
    files = {one.path for one in mlflow.MlflowClient().list_artifacts(kept.info.run_id)}
    assert files == {"quality.json", "rows.json", "figures.png", "scores.png", "worst.png"}
    traces = mlflow.search_traces(run_id=kept.info.run_id, return_type="list")
    assert len(traces) == len(lines)
    marks = {one.name: one.value for one in traces[0].info.assessments}
    assert (marks["contract"], marks["error"]) == (True, False)
    assert traces[0].info.tags["multichain.evaluation"] == "mine.jsonl"


def test_the_command_without_paragraphs(tmp_path: Path, run: Any) -> None:
    (tmp_path / "mine.jsonl").write_text('{"question": "a?", "answer": "A"}', "utf-8")
    done = run("training", "evaluate", "--evaluation", "mine.jsonl")
    assert done.stderr.startswith("Error: mine.jsonl contains no paragraphs to index; name a version")


@pytest.mark.skipif(not (ROOT / "../shared/data/xquad-en-dev.json").exists(), reason="the development set is not here")
def test_the_development_set() -> None:
    """The floor below which something broke; docs/decisions.md has the figures."""
    read_set = read_dataset(ROOT / "../shared/data/xquad-en-dev.json")
    tables = profile_benchmark.benchmark_profile(Profile.read("offline"), read_set)
    figures = {figure.name: figure.value for figure in next(tables)[1]}
    assert figures["recall@1"] > 0.92
    assert figures["recall@4"] > 0.975
    assert figures["answer recall of those answered"] > 0.87
    assert figures["characters of an answer"] < 360
