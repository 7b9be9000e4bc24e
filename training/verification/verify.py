"""Check a saved version in a clean process: does it load, keep the contract, and answer?

The version describes its own declarations, so a version with other code than this can be checked.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel

from commandline.saved_version import find_changes, is_own_version
from commandline.subprocesses import read_last_line, run_module
from model.contract.description import describe_contract
from model.errors import CommandError, UnusableReplyError
from model.profile import Profile

from ..versions import fingerprints
from ..versions.process import JsonObject
from ..versions.response_shape import find_shape_errors
from ..versions.worker import predict
from .contract_cases import CASES, EMPTY_INPUTS, NOTHING_KNOWN, OUTCOME_RAN, ContractCase


@dataclass(frozen=True, slots=True)
class VerificationCheck:
    """A check with its problem, which is empty when the check passed. With a ``detail`` it is a fact and no check.

    Attributes:
        name: What was checked.
        problem: What is wrong; empty for nothing.
        detail: A fact; empty for a check.
        is_warning: Whether the fact is one that a reader must know.
    """

    name: str
    problem: str
    detail: str = ""
    is_warning: bool = False


def verify_version(uri: str, example: str = "", public_key: Path | None = None) -> Iterator[VerificationCheck]:
    """Yield the checks of a version, one by one; also of a pyfunc model that this project did not log.

    Args:
        uri: MLflow URI or folder of the model.
        example: Request as JSON for a model that this project did not log; empty for the model's own example.
        public_key: PEM file of the key by which the version must be signed; None for any version.

    A version whose files are not what was logged is not loaded.

    Raises:
        MlflowException: A version of this project cannot be loaded.
        CommandError: There is no model at ``uri``, or the key cannot be read.
    """
    folder = Path(mlflow.artifacts.download_artifacts(uri))
    if not (folder / "MLmodel").is_file():
        raise CommandError(f"{uri} contains no model (no MLmodel); name models:/NAME@ALIAS, or a model's folder")
    is_own, changes = is_own_version(folder), list(find_changes(folder, public_key))
    if not is_own and not changes:
        yield from _check_any_pyfunc(folder, example)
        return
    pickles = ", ".join(_find_pickles(folder))
    yield VerificationCheck("no pickle in its files", pickles)
    yield VerificationCheck("its files are what was logged", "; ".join(changes))
    if changes or pickles:
        return  # loading the version would execute what was changed
    for name, detail in fingerprints.list_fingerprints(folder):
        yield VerificationCheck(name, "", detail)
    yield VerificationCheck("environment", "", _describe_environment(folder))
    model = mlflow.pyfunc.load_model(str(folder))
    declared = json.loads(predict(model, {}, {"describe": True})["meta"]["description"])["stages"]
    yield _run_example(model, declared)
    if _list_inputs(declared) != _list_inputs(describe_contract(Profile.read("offline").contract)["stages"]):
        return  # the cases are written for the input fields of the shipped stages
    for case in CASES:
        # a stage that runs may cost money and is tested with the code; the version's own example stands for it here
        if not case.calls_providers:
            yield _run_check(case.name, partial(_check_case_as_rows, model, case, declared))
            if case.can_be_single:
                yield _run_check(f"{case.name}, as one object", partial(_check_case_as_object, model, case))
    for name, model_input, refused in EMPTY_INPUTS:
        yield _run_check(name, partial(_check_empty_input, model, model_input, refused=refused))


_OWN_KEYS = frozenset({"description", "least", "most"})


def _list_inputs(declared: dict[str, Any]) -> JsonObject:
    """Return the input fields of each stage without descriptions and bounds, of which a version may have its own."""
    return {name: _drop_own_keys(stage.get("inputs")) for name, stage in declared.items()}


def _drop_own_keys(declaration: object) -> object:
    if isinstance(declaration, list):
        return [_drop_own_keys(element) for element in declaration]
    if isinstance(declaration, dict):
        return {key: _drop_own_keys(value) for key, value in declaration.items() if key not in _OWN_KEYS}
    return declaration


def _describe_environment(folder: Path) -> str:
    differences = [*fingerprints.find_differences(folder)]
    return f"differs from this environment: {', '.join(differences)}" if differences else "matches this environment"


def _check_any_pyfunc(folder: Path, example: str) -> Iterator[VerificationCheck]:
    """Yield the checks of a model that this project did not log, in a process of its own (any_pyfunc.py)."""
    yield VerificationCheck("environment", "", _describe_environment(folder))
    pickles = ", ".join(_find_pickles(folder))
    yield VerificationCheck("pickles in its files", "", pickles or "none")
    done = run_module("training.verification.any_pyfunc", str(folder), example)
    for line in done.stdout.splitlines():
        yield VerificationCheck(*json.loads(line))
    if done.returncode:
        yield VerificationCheck("runs to the end", read_last_line(done.stderr))


def _run_check(name: str, check: Callable[[], str]) -> VerificationCheck:
    try:
        return VerificationCheck(name, check())
    except MlflowException as error:
        return VerificationCheck(name, f"it was refused: {error.message}")


def _find_pickles(folder: Path) -> Iterator[str]:
    """Yield the files that are a pickle or may contain one, except ``.cloudpickle`` files, into which a user opts.

    A pickle of protocol 2 or later begins with the byte 0x80.
    """
    for path in sorted(folder.rglob("*")):
        pickle = path.is_file() and (path.suffix in {".pkl", ".pickle"} or path.read_bytes()[:1] == b"\x80")
        if pickle and path.suffix != ".cloudpickle":
            yield path.relative_to(folder).as_posix()


def _run_example(model: PyFuncModel, declared: dict[str, Any]) -> VerificationCheck:
    """Return the check of a version's own example.

    A chat model that writes nothing usable shows its own weakness and no fault of the version, so it is a fact.
    """
    name = "answers its own example"
    example: dict[str, Any] = model.input_example  # type: ignore[assignment]  # ours is a dict
    try:
        response = predict(model, example)
    except MlflowException as error:
        return VerificationCheck(name, f"it was refused: {error.message}")
    errors = [response[stage]["error"] for stage in declared if response[stage]["error"]]
    not_run = [
        f"the stage {stage} did not run, though no condition of it says so; check its fields in the profile"
        for stage in example
        if not response[stage]["ran"] and not declared[stage].get("unless")
    ]
    if errors and all(_code(error) == UnusableReplyError.code for error in errors):
        detail = f"no, but the version is sound: {'; '.join(errors)}; use a stronger model, or leave the stage out"
        return VerificationCheck(name, "", detail, is_warning=True)
    return VerificationCheck(name, "; ".join(errors or not_run or find_shape_errors(response, declared)))


def _check_case_as_rows(model: PyFuncModel, case: ContractCase, declared: dict[str, Any]) -> str:
    # one more row, so that MLflow receives rows even from a case with one request
    responses = predict(model, [*case.rows, {"image_generation": None}])
    if not isinstance(responses, list) or len(responses) != len(case.rows) + 1:
        return "the number of responses is not the number of rows"
    responses.pop()
    outcomes = [
        {name: _code(row[name]["error"]) for name in expected}
        for row, expected in zip(responses, case.outcomes, strict=True)
    ]
    shapes = [shape_error for response in responses for shape_error in find_shape_errors(response, declared)]
    return "; ".join(shapes) if outcomes == [*map(_codes, case.outcomes)] else f"its outcome is {outcomes}"


def _check_case_as_object(model: PyFuncModel, case: ContractCase) -> str:
    try:
        response = predict(model, case.rows[0])
    except MlflowException as error:
        is_expected = case.is_refused and _code(error.message) in _codes(case.outcomes[0]).values()
        return "" if is_expected else f"it was refused: {error.message}"
    outcomes = {name: _code(response[name]["error"]) for name in case.outcomes[0]}
    is_expected = outcomes == _codes(case.outcomes[0]) and not case.is_refused
    return "" if is_expected else f"its outcome is {outcomes}"


def _codes(outcomes: dict[str, str]) -> dict[str, str]:
    """Return the code of each outcome. Messages are no part of the contract: a version keeps its own."""
    return {name: _code("" if outcome == OUTCOME_RAN else outcome) for name, outcome in outcomes.items()}


def _code(error: str) -> str:
    return error.partition(":")[0] if error else OUTCOME_RAN


def _check_empty_input(model: PyFuncModel, model_input: object, *, refused: bool) -> str:
    try:
        response = predict(model, model_input)
    except MlflowException as error:
        is_expected = refused and _code(error.message) == _code(NOTHING_KNOWN)
        return "" if is_expected else f"it was refused: {error.message}"
    return "" if response == [] and not refused else "it was answered, although it contains no request"
