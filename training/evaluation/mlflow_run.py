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
from ..versions.process import Version, opened
from . import dataset, profile_benchmark
from .dataset import Example
from .llm_judges import JUDGED, judges
from .metrics import MEASURES
from .plots import pictures
from .runner import Row, rows
from .statistics import Figure, mean

Table = tuple[str, list[Figure]]


def of_version(uri: str, name: str, examples: Sequence[Example], judge: str, progress: Progress) -> Table:
    """The figures of the version at ``uri``; all of it goes into a run of MLflow, linked to the version.

    ``name`` is what the rows are called, ``judge`` a model in MLflow's spelling, or empty. Raises CommandError.
    """
    with mlflow.start_run(run_name=f"evaluation of {uri}", tags={"evaluation": name, "version": uri}) as run:
        with opened(uri, traced(run.info.experiment_id, name)) as version:
            (asked,) = rows([version], examples, progress)
        table = marked(asked, version, judge)
        figures = summary(table)
        record(figures, table, version.model_id)
        registry.note(uri, {registry.EVALUATED: run.info.run_id})
    return f"{uri} at {name}, {len(table)} rows, in the run {run.info.run_id}", figures


def traced(experiment: str, name: str) -> dict[str, str]:
    """The environment of a version each of whose requests is to be a trace in ``experiment``, there when it answers."""
    return {
        "MULTICHAIN_TRACES": "1",
        "MULTICHAIN_EVALUATION": name,
        "MLFLOW_EXPERIMENT_ID": experiment,
        "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
    }


def marked(asked: Sequence[Row], version: Version, judge: str) -> list[Row]:
    """The rows in MLflow, each with its marks; what ``judge`` finds is added to them. Raises CommandError."""
    told = all(row.response["meta"]["trace_id"] for row in asked)
    if judge and not told:
        raise CommandError(f"{version.uri} makes no traces, at which a judge's marks are kept; log it again")
    known = [_known(row, with_trace=told) for row in asked]
    scorers = [_marks(asked), *(judges(judge, asked) if judge else [])]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # progress and emoji; failures are raised
        result = mlflow.genai.evaluate(data=known, scorers=scorers, model_id=version.model_id or None)
    if not judge:
        return [*asked]
    table: Any = result.result_df
    return _judged(asked, table.to_dict("records"))


def summary(table: Sequence[Row]) -> list[Figure]:
    """The figures of rows, those of measures that no row has left out."""
    found = {name: [row.values[name] for row in table if name in row.values] for name in MEASURES}
    figures = [mean(name, values) for name, values in found.items() if values]
    figures += [mean(f"seconds_p{part}", found["seconds"], part / 100) for part in (50, 95)]
    answers = [row for row in table if "support" in row.told]
    there, gone = ([row.told for row in answers if row.example.answerable == wanted] for wanted in (True, False))
    figures.append(mean("characters of an answer", [len(one["answer"]) for one in there if not one["abstained"]]))
    return [
        one
        for one in (figures + (profile_benchmark.abstention(there, gone)[:2] if there and gone else []))
        if one.count
    ]


def record(figures: Sequence[Figure], table: Sequence[Row], model_id: str) -> None:
    """Figures, rows and pictures, in the run that is active."""
    metrics = {_key(one.name): one.value for one in figures}
    mlflow.log_metrics(metrics, model_id=model_id or None)
    mlflow.log_text(json.dumps([vars_of(one) for one in figures], indent=1), "quality.json")
    mlflow.log_text(json.dumps([_line(row) for row in table], ensure_ascii=False, indent=1), "rows.json")
    for name, picture in pictures(figures, table):
        mlflow.log_figure(picture, name)


def of_profile(profile: Profile, file: Path, beside: Sequence[Profile] = ()) -> Iterator[Table]:
    """The tables of ``profile`` over the paragraphs that a SQuAD file brings. Raises DocumentError."""
    read = dataset.read(file)
    if not read.paragraphs:
        raise DocumentError(f"{file.name} brings no paragraphs; name a version, whose documents are asked")
    yield from profile_benchmark.of_profile(profile, read, beside)


def vars_of(figure: Figure) -> dict[str, float | str]:
    """A figure as JSON."""
    return {"name": figure.name, "value": figure.value, "low": figure.low, "high": figure.high, "count": figure.count}


def _known(row: Row, *, with_trace: bool) -> dict[str, Any]:
    """A row as MLflow takes it."""
    example = row.example
    told: dict[str, Any] = {"expectations": {"expected_response": example.wanted}} if example.wanted else {}
    if with_trace:
        return told | {"trace": mlflow.get_trace(row.response["meta"]["trace_id"])}
    inputs = {"question": example.question, "prompt": example.prompt}
    return told | {"inputs": inputs, "outputs": row.told.get("answer", "")}


def _marks(asked: Sequence[Row]) -> Scorer:
    """What was measured, as MLflow's scorers tell it; shares as yes and no."""
    by_trace = {row.response["meta"]["trace_id"]: row for row in asked}
    by_input = {(row.example.question, row.example.prompt): row for row in asked}

    @scorer
    def measures(inputs: dict[str, Any], trace: Any) -> list[Feedback]:  # MLflow's trace
        row = by_trace.get(trace.info.trace_id) or by_input[inputs["question"], inputs["prompt"]]
        return [
            Feedback(name=name, value=bool(value) if MEASURES[name].share else value)
            for name, value in row.values.items()
        ]

    return measures


def _judged(asked: Sequence[Row], records: Sequence[dict[str, Any]]) -> list[Row]:
    """The rows with the judges' marks. Raises CommandError when a judge gave none at all."""
    by_trace = {record["trace_id"]: record for record in records}
    made = []
    for row in asked:
        record = by_trace[row.response["meta"]["trace_id"]]
        marks = {name: record.get(f"{name}/value") for name in JUDGED}
        known = {name: float(mark == "yes") for name, mark in marks.items() if mark in {"yes", "no"}}
        made.append(Row(row.example, row.response, row.values | known, row.answers))
    if not any("relevance" in row.values for row in made):
        raise CommandError("the judge gave no mark; the traces of the run hold what it said")
    return made


def _line(row: Row) -> dict[str, Any]:
    """A row as it is kept beside the figures."""
    told = row.told
    kept: dict[str, Any] = {name: told[name] for name in ("answer", "support", "abstained", "error") if name in told}
    kept["score"] = told["sources"][0]["score"] if told.get("sources") else 0.0
    return {"question": row.example.question, "prompt": row.example.prompt, **kept, **row.values}


def _key(name: str) -> str:
    """A metric's name as MLflow takes it."""
    return name.replace("@", "_at_").replace(",", "")
