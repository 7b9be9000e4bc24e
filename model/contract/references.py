"""References between stages, and the order that follows from them.

``{qa.answer}`` in a text field means the answer of the stage ``qa``; ``{{qa.answer}}`` means those very
characters without the outer braces. A list field may be a reference as a whole: ``"{qa.sources}"``. Braces that
name no stage are plain text: questions hold JSON and code. A substituted text is never read again, so nothing
that a user or a document says can become a reference.
"""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from ..errors import MultichainError, ReferenceFieldError
from .fields import REFERENCE, Field, Values
from .requests import Request
from .stage_contract import Contract, Response, StageContract

_BRACES = re.compile(r"\{\{(?P<literal>[\w-]+\.[^{}]*)\}\}|" + REFERENCE.pattern)


@dataclass(frozen=True, slots=True)
class Plan:
    """What each stage of one request is given and waits for, and which stages cannot run."""

    values: dict[str, Values] = field(default_factory=dict)
    needs: dict[str, set[str]] = field(default_factory=dict)
    errors: dict[str, MultichainError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a field of ``kind`` refers to."""

    stage: str
    field: str
    kind: str


def make(request: Request, contract: Contract) -> Plan:
    """The plan of ``request``; a reference that cannot be followed is the error of the stage that holds it."""
    plan = Plan(errors=dict(request.errors))
    asked = request.stages.keys() | request.errors.keys()
    for name, given in request.stages.items():
        stage = contract.stages[name]
        values = plan.values[name] = _usable(stage, given, contract, asked)
        plan.needs[name] = {stage.unless[0]} & asked if stage.unless else set()
        for reference in references(stage, values, contract):
            plan.needs[name].add(reference.stage)
            wrong = problem(reference, contract) or _absent(reference.stage, asked)
            if wrong:
                plan.errors.setdefault(name, ReferenceFieldError(f"{name}: {wrong}"))
    for name in circle(plan.needs):
        plan.errors[name] = ReferenceFieldError(f"{name}: its references come back to itself; take one of them out")
    return plan


def fill(stage: StageContract, values: Values, contract: Contract, response: Response) -> Values:
    """``values`` of ``stage`` with every reference replaced by what ``response`` holds."""

    def replaced(match: re.Match[str]) -> str:
        literal, name = match["literal"], match["stage"]
        if literal is not None:
            return "{" + literal + "}" if literal.split(".")[0] in contract.stages else match[0]
        return str(response[name][match["field"]]) if name in contract.stages else match[0]

    def filled(one: Field, text: str) -> object:
        whole = REFERENCE.fullmatch(text) if one.kind == "list" else None
        return response[whole["stage"]][whole["field"]] if whole else _BRACES.sub(replaced, text)

    return values | {one.name: filled(one, text) for one, text in _texts(stage, values)}


def references(stage: StageContract, values: Values, contract: Contract) -> Iterator[Reference]:
    """Where ``values`` of ``stage`` refer to; in a list field also to what is no stage, which is an error."""
    for one, text in _texts(stage, values):
        for match in _BRACES.finditer(text):
            if match["stage"] in contract.stages or (one.kind == "list" and match["stage"]):
                yield Reference(match["stage"], match["field"], one.kind)


def problem(reference: Reference, contract: Contract) -> str:
    """Why it can never be followed; empty when it can. It names no field that the contract does not."""
    stage = contract.stages.get(reference.stage)
    if stage is None:
        return f"a list may refer to a list of one of the stages {', '.join(contract.stages)}"
    declared = stage.output(reference.field)
    if declared is None or declared.kind != reference.kind:
        fitting = [f"{{{stage.name}.{one.name}}}" for one in stage.declared if one.kind == reference.kind]
        has = ", ".join(fitting) or "none"
        return f"a reference to {stage.name} names no {reference.kind} field of it; it has {has}"
    return ""


def circle(needs: Mapping[str, AbstractSet[str]]) -> list[str]:
    """The stages that wait for themselves."""
    return [name for name in needs if _reaches(name, name, needs)]


def _usable(stage: StageContract, given: Values, contract: Contract, asked: AbstractSet[str]) -> Values:
    """``given`` without the profile's optional defaults that refer to a stage which this request does not ask."""
    optional = [one for one in stage.inputs if one.default is not None and not one.required]
    useless = {
        one.name
        for one in optional
        if given.get(one.name) == one.default
        and any(reference.stage not in asked for reference in references(stage, {one.name: one.default}, contract))
    }
    return {name: value for name, value in given.items() if name not in useless}


def _absent(stage: str, asked: AbstractSet[str]) -> str:
    if stage in asked:
        return ""
    return f"it refers to {stage}, which this request does not ask; add {stage} or take the reference out"


def _texts(stage: StageContract, values: Values) -> Iterator[tuple[Field, str]]:
    """The fields that may refer, with what they hold: those declared as text, and a list that is a reference."""
    for one in stage.inputs:
        value = values.get(one.name)
        if one.kind in {"text", "list"} and isinstance(value, str):
            yield one, value


def _reaches(start: str, goal: str, needs: Mapping[str, AbstractSet[str]]) -> bool:
    """Whether following what ``start`` waits for leads to ``goal``."""
    seen: set[str] = set()
    ahead = set(needs.get(start, ()))
    while ahead:
        stage = ahead.pop()
        if stage == goal:
            return True
        seen.add(stage)
        ahead |= needs.get(stage, set()) - seen
    return False
