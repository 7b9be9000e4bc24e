"""Checks a saved version in a clean process: does it load, keep the contract, and answer?

It asks the version itself for its declarations, so it works on a version of other code than this.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.pyfunc import PyFuncModel

from model.errors import CommandError
from model.profile import Profile

from ..versions import fingerprints
from ..versions.response_shape import misshapen
from ..versions.worker import predict
from .contract_cases import CASES, EMPTY, NOTHING_KNOWN, RAN, Case

_USUAL = {name: stage.describe()["inputs"] for name, stage in Profile.read("offline").contract.stages.items()}


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, and what is wrong; empty when nothing is. ``told`` is what was found out, and no check."""

    name: str
    wrong: str
    told: str = ""


def verify(uri: str, example: str = "") -> Iterator[Check]:
    """The checks of the version at ``uri``, one by one; of any other pyfunc, with an ``example`` as JSON.

    Raises MlflowException when a version of this project cannot be loaded, and CommandError for what is no model.
    """
    folder = Path(mlflow.artifacts.download_artifacts(uri))
    if not (folder / "MLmodel").is_file():
        raise CommandError(f"{uri} holds no model (no MLmodel); verify takes models:/NAME@ALIAS, or a model's folder")
    for name, told in fingerprints.fingerprints(folder):
        yield Check(name, "", told)
    yield Check("environment", "", _environment(folder))
    if "fingerprint" not in (Model.load(folder).metadata or {}):
        yield from _foreign(folder, example)
        return
    yield Check("no pickle in its files", ", ".join(_pickles(folder)))
    yield Check("its code is what was logged", fingerprints.tampered(folder))
    model = mlflow.pyfunc.load_model(str(folder))
    declared = json.loads(predict(model, {}, {"describe": True})["meta"]["description"])["stages"]
    yield _checked("answers its own example", partial(_smoke, model, declared))
    if {name: stage.get("inputs") for name, stage in declared.items()} != _USUAL:
        return  # the table speaks of the shipped stages
    for case in CASES:
        if not case.runs:  # what runs may cost, and is tested with the code; here the smoke request stands for it
            yield _checked(case.name, partial(_as_rows, model, case, declared))
            if case.single:
                yield _checked(f"{case.name}, as one object", partial(_as_one, model, case))
    for name, given, refused in EMPTY:
        yield _checked(name, partial(_empty, model, given, refused=refused))


def _environment(folder: Path) -> str:
    other = [*fingerprints.environment(folder)]
    return f"differs from here: {', '.join(other)}" if other else "matches what is installed here"


def _foreign(folder: Path, example: str) -> Iterator[Check]:
    """The checks of a pyfunc that is none of this project's, in a process of its own (foreign.py)."""
    pickles = ", ".join(_pickles(folder))
    yield Check("pickles in its files", "", pickles or "none")
    command = [sys.executable, "-m", "training.verification.any_pyfunc", str(folder), example]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    for line in done.stdout.splitlines():
        yield Check(*json.loads(line))
    if done.returncode:
        yield Check("came through", (done.stderr.strip().splitlines() or ["it ended without a word"])[-1])


def _checked(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, check())
    except MlflowException as error:
        return Check(name, f"it was refused: {error.message}")


def _pickles(folder: Path) -> Iterator[str]:
    """The files that are, or may hold, a pickle (protocol 2 and later begin with byte 0x80), but those opted into."""
    for path in sorted(folder.rglob("*")):
        pickle = path.is_file() and (path.suffix in {".pkl", ".pickle"} or path.read_bytes()[:1] == b"\x80")
        if pickle and path.suffix != ".cloudpickle":
            yield path.relative_to(folder).as_posix()


def _smoke(model: PyFuncModel, declared: dict[str, Any]) -> str:
    example: dict[str, Any] = model.input_example  # type: ignore[assignment]  # ours is a dict
    response = predict(model, example)
    errors = [response[name]["error"] for name in declared if response[name]["error"]]
    silent = [name for name in example if not response[name]["ran"]]
    return "; ".join(errors or silent or misshapen(response, declared))


def _as_rows(model: PyFuncModel, case: Case, declared: dict[str, Any]) -> str:
    # one more row, so that MLflow sees rows whatever the case holds
    responses = predict(model, [*case.rows, {"image_generation": None}])
    if not isinstance(responses, list) or len(responses) != len(case.rows) + 1:
        return "rows were not answered with as many responses"
    responses.pop()
    found = [
        {name: row[name]["error"] or RAN for name in told} for row, told in zip(responses, case.outcomes, strict=True)
    ]
    shapes = [wrong for response in responses for wrong in misshapen(response, declared)]
    return "; ".join(shapes) if found == case.outcomes else f"its outcome is {found}"


def _as_one(model: PyFuncModel, case: Case) -> str:
    expected = "; ".join(case.outcomes[0].values()) if case.refused else None
    try:
        response = predict(model, case.rows[0])
    except MlflowException as error:
        return "" if error.message == expected else f"it was refused: {error.message}"
    found = {name: response[name]["error"] or RAN for name in case.outcomes[0]}
    return "" if found == case.outcomes[0] and not expected else f"its outcome is {found}"


def _empty(model: PyFuncModel, given: object, *, refused: bool) -> str:
    try:
        response = predict(model, given)
    except MlflowException as error:
        return "" if refused and error.message == NOTHING_KNOWN else f"it was refused: {error.message}"
    return "" if response == [] and not refused else "it was answered"
