"""Evaluate a version in MLflow, or a profile without MLflow (``python -m training evaluate``).

Each example goes through ``mlflow.genai.evaluate`` and becomes a trace with its marks, to be read and judged in MLflow.
Estimates, rows and plots go into the same run. The tables of a profile are printed.
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
from .question_kinds import estimate_by_kind
from .runner import EvaluatedExample, ask_versions
from .statistics import Estimate, estimate_mean

MetricTable = tuple[str, list[Estimate]]
"""Title of a table, and its estimates."""


def evaluate_version(uri: str, name: str, examples: Sequence[Example], judge: str, progress: Progress) -> MetricTable:
    """Evaluate the version at ``uri``, and log the results to an MLflow run that is linked to the version.

    Args:
        uri: MLflow URI of the version.
        name: Name of the dataset.
        examples: The examples.
        judge: Chat model in MLflow's spelling, such as ``openai:/gpt-4.1``; empty for no judge.
        progress: Receives the number of examples that are done.

    Returns:
        Title and estimates.

    Raises:
        CommandError: The version cannot be loaded, does not answer or lacks a stage, or the judge gave no mark.
    """
    with mlflow.start_run(run_name=f"evaluation of {uri}", tags={"evaluation": name, "version": uri}) as run:
        with open_version(uri, trace_environment(run.info.experiment_id, name)) as version:
            (evaluated,) = ask_versions([version], examples, progress)
        table = add_marks(evaluated, version, judge)
        estimates = summarize(table)
        record_run(estimates, table, version.model_id)
        registry.tag_uri(uri, {registry.EVALUATION_TAG: run.info.run_id})
    return f"{uri} on {name}, {len(table)} examples, MLflow run {run.info.run_id}", estimates


def trace_environment(experiment: str, name: str) -> dict[str, str]:
    """Return the environment variables with which a version traces every request.

    A trace is complete when the version's response arrives.

    Args:
        experiment: Id of the MLflow experiment of the traces.
        name: Name of the dataset, which tags the traces.
    """
    return {
        "MULTICHAIN_TRACES": "1",
        "MULTICHAIN_EVALUATION": name,
        "MLFLOW_EXPERIMENT_ID": experiment,
        "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
    }


def add_marks(examples: Sequence[EvaluatedExample], version: VersionProcess, judge: str) -> list[EvaluatedExample]:
    """Log the examples with their metrics to the active MLflow run.

    Args:
        examples: Evaluated examples.
        version: The version that answered.
        judge: Chat model in MLflow's spelling; empty for no judge.

    Returns:
        The examples, with the judge's marks among their metrics.

    Raises:
        CommandError: The version makes no traces, which a judge needs, or the judge gave no mark.
    """
    has_traces = all(row.response["meta"]["trace_id"] for row in examples)
    if judge and not has_traces:
        raise CommandError(f"{version.uri} makes no traces, and a judge marks traces; log the version again")
    rows = [_to_mlflow_row(row, with_trace=has_traces) for row in examples]
    scorers = [_make_scorer(examples), *(make_judges(judge, examples) if judge else [])]
    # MLflow prints progress and emoji; failures are raised
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        result = mlflow.genai.evaluate(data=rows, scorers=scorers, model_id=version.model_id or None)
    if not judge:
        return [*examples]
    table: Any = result.result_df
    return _add_judge_marks(examples, table.to_dict("records"))


def summarize(table: Sequence[EvaluatedExample]) -> list[Estimate]:
    """Return the estimates over evaluated examples. A metric that applies to no example is left out."""
    values_by_metric = {name: [row.metrics[name] for row in table if name in row.metrics] for name in METRICS}
    estimates = [estimate_mean(name, values) for name, values in values_by_metric.items() if values]
    estimates += [estimate_mean(f"seconds_p{part}", values_by_metric["seconds"], part / 100) for part in (50, 95)]
    answers = [row for row in table if "support" in row.answer_output]
    answerable, unanswerable = (
        [row.answer_output for row in answers if row.example.is_answerable == is_answerable]
        for is_answerable in (True, False)
    )
    estimates.append(
        estimate_mean(
            "characters of an answer", [len(output["answer"]) for output in answerable if not output["abstained"]]
        )
    )
    asked_rows = [row for row in answers if row.example.answers or not row.example.is_answerable]
    if asked_rows:
        estimates += estimate_by_kind([row.example for row in asked_rows], [row.answer_output for row in asked_rows])
    return [
        estimate
        for estimate in (
            estimates
            + (
                profile_benchmark.measure_abstention(answerable, unanswerable)[:2]
                if answerable and unanswerable
                else []
            )
        )
        if estimate.count
    ]


def record_run(estimates: Sequence[Estimate], table: Sequence[EvaluatedExample], model_id: str) -> None:
    """Log estimates, rows and plots to the active MLflow run.

    Args:
        estimates: Estimates of the metrics.
        table: Evaluated examples.
        model_id: MLflow's id of the logged model, to which the metrics are linked; empty when unknown.
    """
    metrics = {_metric_key(estimate.name): estimate.value for estimate in estimates}
    mlflow.log_metrics(metrics, model_id=model_id or None)
    mlflow.log_text(json.dumps([estimate_to_dict(estimate) for estimate in estimates], indent=1), "quality.json")
    mlflow.log_text(json.dumps([_to_json_row(row) for row in table], ensure_ascii=False, indent=1), "rows.json")
    for name, plot in make_plots(estimates, table):
        mlflow.log_figure(plot, name)


def evaluate_profile(profile: Profile, file: Path, beside: Sequence[Profile] = ()) -> Iterator[MetricTable]:
    """Yield the tables of a profile, measured on the paragraphs of a SQuAD file.

    Args:
        profile: The profile.
        file: The SQuAD file.
        beside: Profiles whose search is measured for comparison.

    Raises:
        DocumentError: The file is no evaluation file, or contains no paragraphs.
    """
    evaluation = dataset.read_dataset(file)
    if not evaluation.paragraphs:
        raise DocumentError(f"{file.name} contains no paragraphs to index; name a version, or a SQuAD file")
    yield from profile_benchmark.benchmark_profile(profile, evaluation, beside)


def estimate_to_dict(estimate: Estimate) -> dict[str, float | str]:
    """Return an estimate as a JSON object."""
    return {
        "name": estimate.name,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "count": estimate.count,
    }


def _to_mlflow_row(row: EvaluatedExample, *, with_trace: bool) -> dict[str, Any]:
    """Return an example as ``mlflow.genai.evaluate`` expects it."""
    example = row.example
    mlflow_row: dict[str, Any] = (
        {"expectations": {"expected_response": example.expected_text}} if example.expected_text else {}
    )
    if with_trace:
        return mlflow_row | {"trace": mlflow.get_trace(row.response["meta"]["trace_id"])}
    inputs = {"question": example.question, "prompt": example.prompt}
    return mlflow_row | {"inputs": inputs, "outputs": row.answer_output.get("answer", "")}


def _make_scorer(examples: Sequence[EvaluatedExample]) -> Scorer:
    """Return an MLflow scorer that reports the computed metrics. Shares are reported as yes or no."""
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
    """Return the examples with the judges' marks.

    Raises:
        CommandError: No judge gave a mark.
    """
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
        raise CommandError("the judge gave no mark; its replies are in the traces of the run")
    return judged_examples


def _to_json_row(row: EvaluatedExample) -> dict[str, Any]:
    """Return an example as ``rows.json`` lists it."""
    output = row.answer_output
    entry: dict[str, Any] = {
        name: output[name] for name in ("answer", "support", "abstained", "error") if name in output
    }
    entry["score"] = output["sources"][0]["score"] if output.get("sources") else 0.0
    return {"question": row.example.question, "prompt": row.example.prompt, **entry, **row.metrics}


def _metric_key(name: str) -> str:
    """Return a metric's name in the characters that MLflow allows."""
    return name.replace("@", "_at_").replace(",", "")
