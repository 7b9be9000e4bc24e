"""``python -m training evaluate``: a version's rows, figures and pictures in MLflow; or a profile's tables, printed.

Rows go through ``mlflow.genai.evaluate``, so that each is a trace with its marks, to be read and judged in MLflow.
"""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Feedback
from mlflow.genai.scorers import Scorer, scorer

from model.errors import CommandError, DocumentError
from model.profile import Profile

from ..progress import Progress
from ..versions import registry
from ..versions.process import VersionProcess, open_version
from . import dataset, profile_benchmark
from .dataset import Example
from .llm_judges import JUDGED_METRICS, make_judges
from .metrics import METRICS
from .plots import make_plots
from .runner import EvaluatedExample, ask_versions
from .statistics import Estimate, estimate_mean

MetricTable = tuple[str, list[Estimate]]


def evaluate_version(uri: str, name: str, examples: Sequence[Example], judge: str, progress: Progress) -> MetricTable:
    """The figures of the version at ``uri``; all of it goes into a run of MLflow, linked to the version.

    ``name`` is what the rows are called, ``judge`` a model in MLflow's spelling, or empty. Raises CommandError.
    """
    with mlflow.start_run(run_name=f"evaluation of {uri}", tags={"evaluation": name, "version": uri}) as run:
        with open_version(uri, trace_environment(run.info.experiment_id, name)) as version:
            (examples_asked,) = ask_versions([version], examples, progress)
        table = add_marks(examples_asked, version, judge)
        figures = summarize(table)
        record_run(figures, table, version.model_id)
        registry.tag_uri(uri, {registry.EVALUATION_TAG: run.info.run_id})
    return f"{uri} at {name}, {len(table)} rows, in the run {run.info.run_id}", figures


def trace_environment(experiment: str, name: str) -> dict[str, str]:
    """The environment of a version each of whose requests is to be a trace in ``experiment``, there when it answers."""
    return {
        "MULTICHAIN_TRACES": "1",
        "MULTICHAIN_EVALUATION": name,
        "MLFLOW_EXPERIMENT_ID": experiment,
        "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
    }


def add_marks(examples: Sequence[EvaluatedExample], version: VersionProcess, judge: str) -> list[EvaluatedExample]:
    """The rows in MLflow, each with its marks; what ``judge`` finds is added to them. Raises CommandError."""
    has_traces = all(row.response["meta"]["trace_id"] for row in examples)
    if judge and not has_traces:
        raise CommandError(f"{version.uri} makes no traces, at which a judge's marks are kept; log it again")
    rows = [_to_mlflow_row(row, with_trace=has_traces) for row in examples]
    scorers = [_make_scorer(examples), *(make_judges(judge, examples) if judge else [])]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # progress and emoji; failures are raised
        result = mlflow.genai.evaluate(data=rows, scorers=scorers, model_id=version.model_id or None)
    if not judge:
        return [*examples]
    table: Any = result.result_df
    return _add_judge_marks(examples, table.to_dict("records"))


def summarize(table: Sequence[EvaluatedExample]) -> list[Estimate]:
    """The figures of rows, those of measures that no row has left out."""
    values_by_metric = {name: [row.metrics[name] for row in table if name in row.metrics] for name in METRICS}
    figures = [estimate_mean(name, values) for name, values in values_by_metric.items() if values]
    figures += [estimate_mean(f"seconds_p{part}", values_by_metric["seconds"], part / 100) for part in (50, 95)]
    answers = [row for row in table if "support" in row.answer_output]
    answerable, unanswerable = (
        [row.answer_output for row in answers if row.example.is_answerable == is_answerable]
        for is_answerable in (True, False)
    )
    figures.append(
        estimate_mean(
            "characters of an answer", [len(estimate["answer"]) for estimate in answerable if not estimate["abstained"]]
        )
    )
    return [
        estimate
        for estimate in (
            figures
            + (
                profile_benchmark.measure_abstention(answerable, unanswerable)[:2]
                if answerable and unanswerable
                else []
            )
        )
        if estimate.count
    ]


def record_run(figures: Sequence[Estimate], table: Sequence[EvaluatedExample], model_id: str) -> None:
    """Figures, rows and pictures, in the run that is active."""
    metrics = {_metric_key(estimate.name): estimate.value for estimate in figures}
    mlflow.log_metrics(metrics, model_id=model_id or None)
    mlflow.log_text(json.dumps([estimate_to_dict(estimate) for estimate in figures], indent=1), "quality.json")
    mlflow.log_text(json.dumps([_to_json_row(row) for row in table], ensure_ascii=False, indent=1), "rows.json")
    for name, picture in make_plots(figures, table):
        mlflow.log_figure(picture, name)


def evaluate_profile(profile: Profile, file: Path, beside: Sequence[Profile] = ()) -> Iterator[MetricTable]:
    """The tables of ``profile`` over the paragraphs that a SQuAD file brings. Raises DocumentError."""
    read = dataset.read_dataset(file)
    if not read.paragraphs:
        raise DocumentError(f"{file.name} brings no paragraphs; name a version, whose documents are asked")
    yield from profile_benchmark.benchmark_profile(profile, read, beside)


def estimate_to_dict(figure: Estimate) -> dict[str, float | str]:
    """A figure as JSON."""
    return {"name": figure.name, "value": figure.value, "low": figure.low, "high": figure.high, "count": figure.count}


def _to_mlflow_row(row: EvaluatedExample, *, with_trace: bool) -> dict[str, Any]:
    """A row as MLflow takes it."""
    example = row.example
    mlflow_row: dict[str, Any] = (
        {"expectations": {"expected_response": example.expected_text}} if example.expected_text else {}
    )
    if with_trace:
        return mlflow_row | {"trace": mlflow.get_trace(row.response["meta"]["trace_id"])}
    inputs = {"question": example.question, "prompt": example.prompt}
    return mlflow_row | {"inputs": inputs, "outputs": row.answer_output.get("answer", "")}


def _make_scorer(examples: Sequence[EvaluatedExample]) -> Scorer:
    """What was measured, as MLflow's scorers tell it; shares as yes and no."""
    by_trace = {row.response["meta"]["trace_id"]: row for row in examples}
    by_input = {(row.example.question, row.example.prompt): row for row in examples}

    @scorer
    def measures(inputs: dict[str, Any], trace: Any) -> list[Feedback]:  # MLflow's trace
        row = by_trace.get(trace.info.trace_id) or by_input[inputs["question"], inputs["prompt"]]
        return [
            Feedback(name=name, value=bool(value) if METRICS[name].is_share else value)
            for name, value in row.metrics.items()
        ]

    return measures


def _add_judge_marks(examples: Sequence[EvaluatedExample], records: Sequence[dict[str, Any]]) -> list[EvaluatedExample]:
    """The rows with the judges' marks. Raises CommandError when a judge gave none at all."""
    by_trace = {record["trace_id"]: record for record in records}
    judged_examples = []
    for row in examples:
        record = by_trace[row.response["meta"]["trace_id"]]
        marks = {name: record.get(f"{name}/value") for name in JUDGED_METRICS}
        marks_as_numbers = {name: float(mark == "yes") for name, mark in marks.items() if mark in {"yes", "no"}}
        judged_examples.append(
            EvaluatedExample(row.example, row.response, row.metrics | marks_as_numbers, row.answer_stage)
        )
    if not any("relevance" in row.metrics for row in judged_examples):
        raise CommandError("the judge gave no mark; the traces of the run hold what it said")
    return judged_examples


def _to_json_row(row: EvaluatedExample) -> dict[str, Any]:
    """A row as it is kept beside the figures."""
    output = row.answer_output
    entry: dict[str, Any] = {
        name: output[name] for name in ("answer", "support", "abstained", "error") if name in output
    }
    entry["score"] = output["sources"][0]["score"] if output.get("sources") else 0.0
    return {"question": row.example.question, "prompt": row.example.prompt, **entry, **row.metrics}


def _metric_key(name: str) -> str:
    """A metric's name as MLflow takes it."""
    return name.replace("@", "_at_").replace(",", "")
