"""``python -m training evaluate``: the quality tables, printed, and for a version logged to MLflow."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from model.errors import CommandError, DocumentError
from model.profile import Profile

from . import evaluation, quality
from .metrics import Figure

Table = tuple[str, list[Figure]]


def of_version(uri: str, file: Path) -> Iterator[Table]:
    """The table of the version at ``uri``, which is logged to a run of its own. Raises CommandError."""
    examples = evaluation.read(file).examples
    try:
        model = mlflow.pyfunc.load_model(uri)
    except MlflowException as error:
        raise CommandError(f"cannot load {uri}: {error.message.splitlines()[0]}") from None

    def ask(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        responses: Any = model.predict([{"qa": request} for request in requests])
        return [response["qa"] for response in responses]

    figures = quality.of_answers(ask, examples)
    with mlflow.start_run(run_name=f"quality of {uri}", tags={"evaluation": file.name, "version": uri}):
        known = {figure.name: figure for figure in figures if figure.count}
        mlflow.log_metrics({_key(name): figure.value for name, figure in known.items()})
        mlflow.log_text(json.dumps([vars_of(figure) for figure in figures], indent=1), "quality.json")
    yield f"{uri} at {file.name}", figures


def of_profile(profile: Profile, file: Path, beside: Sequence[Profile] = ()) -> Iterator[Table]:
    """The tables of ``profile`` over the paragraphs that a SQuAD file brings. Raises DocumentError."""
    read = evaluation.read(file)
    if not read.paragraphs:
        raise DocumentError(f"{file.name} brings no paragraphs; name a version, whose documents are asked")
    yield from quality.of_profile(profile, read, beside)


def vars_of(figure: Figure) -> dict[str, float | str]:
    """A figure as JSON."""
    return {"name": figure.name, "value": figure.value, "low": figure.low, "high": figure.high, "count": figure.count}


def _key(name: str) -> str:
    """A metric's name as MLflow takes it."""
    return name.replace("@", "_at_").replace(",", "")
