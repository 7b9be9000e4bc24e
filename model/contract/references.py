"""References between stages, and the order that follows from them.

``{qa.answer}`` in a text field means the answer of the stage ``qa``; ``{{qa.answer}}`` means those very
characters without the outer braces. A list field may be a reference as a whole: ``"{qa.sources}"``. Braces that
name no stage are plain text: questions hold JSON and code. A substituted text is never read again, so nothing
that a user or a document says can become a reference.
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
    """What each stage of one request is given and waits for, and which stages cannot run."""

    values: dict[str, StageValues] = dataclasses.field(default_factory=dict)
    dependencies: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    errors: dict[str, MultichainError] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """Where a field of ``kind`` refers to."""

    stage: str
    field: str
    kind: str


def make_plan(request: Request, contract: Contract) -> Plan:
    """The plan of ``request``; a reference that cannot be followed is the error of the stage that holds it."""
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
        plan.errors[name] = StageReferenceError(f"{name}: its references come back to itself; take one of them out")
    return plan


def fill_references(stage: StageContract, values: StageValues, contract: Contract, response: Response) -> StageValues:
    """``values`` of ``stage`` with every reference replaced by what ``response`` holds."""

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
    """Where ``values`` of ``stage`` refer to; in a list field also to what is no stage, which is an error."""
    for field, text in _referring_fields(stage, values):
        for match in _BRACES.finditer(text):
            if match["stage"] in contract.stages or (field.kind == "list" and match["stage"]):
                yield Reference(match["stage"], match["field"], field.kind)


def explain_problem(reference: Reference, contract: Contract) -> str:
    """Why it can never be followed; empty when it can. It names no field that the contract does not."""
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
    """The stages that wait for themselves."""
    return [name for name in needs if _can_reach(name, name, needs)]


def _drop_unusable_defaults(
    stage: StageContract, values: StageValues, contract: Contract, requested: AbstractSet[str]
) -> StageValues:
    """``given`` without the profile's optional defaults that refer to a stage which this request does not ask."""
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
    return f"it refers to {stage}, which this request does not ask; add {stage} or take the reference out"


def _referring_fields(stage: StageContract, values: StageValues) -> Iterator[tuple[Field, str]]:
    """The fields that may refer, with what they hold: those declared as text, and a list that is a reference."""
    for field in stage.inputs:
        value = values.get(field.name)
        if field.kind in {"text", "list"} and isinstance(value, str):
            yield field, value


def _can_reach(start: str, goal: str, needs: Mapping[str, AbstractSet[str]]) -> bool:
    """Whether following what ``start`` waits for leads to ``goal``."""
    visited: set[str] = set()
    ahead = set(needs.get(start, ()))
    while ahead:
        stage = ahead.pop()
        if stage == goal:
            return True
        visited.add(stage)
        ahead |= needs.get(stage, set()) - visited
    return False
