"""Find references between stages, order the stages by them, and fill them in.

``{qa.answer}`` in a text field stands for the answer of the stage ``qa``. ``{{qa.answer}}`` stands for the characters
``{qa.answer}``. A list field may be a reference as a whole: ``"{qa.sources}"``. Braces that name no stage are plain
text, since questions contain JSON and code. Substituted text is never read again, so that no text of a user or a
document can become a reference.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from ..errors import MultichainError, StageReferenceError
from .fields import REFERENCE_PATTERN, Field, StageValues
from .requests import Request
from .stage_contract import Contract, Response, StageContract

_BRACES = re.compile(r"\{\{(?P<literal>[\w-]+\.[^{}]*)\}\}|" + REFERENCE_PATTERN.pattern)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The stages of one request before they run.

    Attributes:
        values: Input values of each stage, with references in them.
        dependencies: Stages that each stage waits for.
        errors: Why a stage cannot run.
    """

    values: dict[str, StageValues] = dataclasses.field(default_factory=dict)
    dependencies: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    errors: dict[str, MultichainError] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A reference to the field ``field`` of ``stage``, which stands in a field of ``kind``."""

    stage: str
    field: str
    kind: str


def make_plan(request: Request, contract: Contract) -> Plan:
    """Return the plan of ``request``.

    Args:
        request: A request whose form is valid.
        contract: The contract of the profile's stages.

    Returns:
        The stages in order, with their dependencies. A reference that cannot be followed becomes the error of the stage
        that contains it.
    """
    plan = Plan(errors=dict(request.errors))
    requested = request.stages.keys() | request.errors.keys()
    for name, raw in request.stages.items():
        stage = contract.stages[name]
        values = plan.values[name] = _drop_unusable_defaults(stage, raw, contract, requested)
        plan.dependencies[name] = {stage.unless[0]} & requested if stage.unless else set()
        for reference in find_references(stage, values, contract):
            plan.dependencies[name].add(reference.stage)
            explanation = explain_problem(reference, contract) or _explain_absence(reference.stage, requested)
            if explanation:
                plan.errors.setdefault(name, StageReferenceError(f"{name}: {explanation}"))
    for name in find_cycle(plan.dependencies):
        plan.errors[name] = StageReferenceError(
            f"{name}: circular reference between stages; remove one of the references"
        )
    return plan


def fill_references(stage: StageContract, values: StageValues, contract: Contract, response: Response) -> StageValues:
    """Replace every reference in ``values``.

    Args:
        stage: The stage whose input fields ``values`` holds.
        values: Input values with references.
        contract: The stages of the profile.
        response: The response so far, which contains the outputs of the stages that have run.

    Returns:
        The input values without references.
    """

    def replace_match(match: re.Match[str]) -> str:
        literal, name = match["literal"], match["stage"]
        if literal is not None:
            return "{" + literal + "}" if literal.split(".")[0] in contract.stages else match[0]
        return str(response[name][match["field"]]) if name in contract.stages else match[0]

    def fill_field(field: Field, text: str) -> object:
        match = REFERENCE_PATTERN.fullmatch(text) if field.kind == "list" else None
        return response[match["stage"]][match["field"]] if match else _BRACES.sub(replace_match, text)

    return values | {field.name: fill_field(field, text) for field, text in _referring_fields(stage, values)}


def find_references(stage: StageContract, values: StageValues, contract: Contract) -> Iterator[Reference]:
    """Yield the references in the values of a stage.

    Args:
        stage: The contract of the stage.
        values: The values of the stage in a request.
        contract: The contract of all stages.

    Yields:
        References in text fields that name a stage; in list fields also those that name none, which are errors.
    """
    for field, text in _referring_fields(stage, values):
        for match in _BRACES.finditer(text):
            if match["stage"] in contract.stages or (field.kind == "list" and match["stage"]):
                yield Reference(match["stage"], match["field"], field.kind)


def explain_problem(reference: Reference, contract: Contract) -> str:
    """Return why ``reference`` can never be followed; empty when it can."""
    stage = contract.stages.get(reference.stage)
    if stage is None:
        return f"a list may refer to a list of one of the stages {', '.join(contract.stages)}"
    declared = stage.find_output(reference.field)
    if declared is None or declared.kind != reference.kind:
        fitting = [f"{{{stage.name}.{field.name}}}" for field in stage.output_fields if field.kind == reference.kind]
        has = ", ".join(fitting) or "none"
        return f"a reference to {stage.name} names no {reference.kind} field of it; it has {has}"
    return ""


def find_cycle(needs: Mapping[str, AbstractSet[str]]) -> list[str]:
    """Return the stages that depend on themselves."""
    return [name for name in needs if _can_reach(name, name, needs)]


def _drop_unusable_defaults(
    stage: StageContract, values: StageValues, contract: Contract, requested: AbstractSet[str]
) -> StageValues:
    """Return ``values`` without optional defaults of the profile that refer to a stage which is not requested."""
    optional = [field for field in stage.inputs if field.default is not None and not field.required]
    unusable = {
        field.name
        for field in optional
        if values.get(field.name) == field.default
        and any(
            reference.stage not in requested
            for reference in find_references(stage, {field.name: field.default}, contract)
        )
    }
    return {name: value for name, value in values.items() if name not in unusable}


def _explain_absence(stage: str, requested: AbstractSet[str]) -> str:
    if stage in requested:
        return ""
    return f"it refers to {stage}, which this request does not contain; add {stage} or remove the reference"


def _referring_fields(stage: StageContract, values: StageValues) -> Iterator[tuple[Field, str]]:
    """Yield the fields that may contain references, with their texts: text fields, and lists given as a reference."""
    for field in stage.inputs:
        value = values.get(field.name)
        if field.kind in {"text", "list"} and isinstance(value, str):
            yield field, value


def _can_reach(start: str, goal: str, needs: Mapping[str, AbstractSet[str]]) -> bool:
    """Return whether following the dependencies of ``start`` leads to ``goal``."""
    visited: set[str] = set()
    ahead = set(needs.get(start, ()))
    while ahead:
        stage = ahead.pop()
        if stage == goal:
            return True
        visited.add(stage)
        ahead |= needs.get(stage, set()) - visited
    return False
