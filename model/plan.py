"""References between stages, and the order that follows from them.

``{qa.answer}`` in a text field means the answer of the stage ``qa``; ``{{qa.answer}}`` means those very
characters without the outer braces. Braces that name no stage are plain text: questions hold JSON and code.
A substituted text is never read again, so nothing that a user or a document says can become a reference.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .contract import Contract, Response, Values
from .errors import MultichainError, ReferenceFieldError
from .normalise import Request

_BRACES = re.compile(r"\{\{(?P<literal>[\w-]+\.[^{}]*)\}\}|\{(?P<stage>[\w-]+)\.(?P<field>[^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What each stage of one request waits for, and which stages cannot run."""

    needs: dict[str, set[str]] = field(default_factory=dict)
    errors: dict[str, MultichainError] = field(default_factory=dict)


def make(request: Request, contract: Contract) -> Plan:
    """The plan of ``request``; a reference that cannot be followed is the error of the stage that holds it."""
    plan = Plan(errors=dict(request.errors))
    for name, values in request.stages.items():
        plan.needs[name] = set()
        for stage, output in _references(_texts(name, values, contract), contract):
            plan.needs[name].add(stage)
            problem = _problem(stage, output, request, contract)
            if problem:
                plan.errors.setdefault(name, ReferenceFieldError(f"{name}: {problem}"))
    for name in plan.needs:
        if _reaches(name, name, plan.needs):
            plan.errors[name] = ReferenceFieldError(f"{name}: its references come back to itself; take one of them out")
    return plan


def fill(name: str, values: Values, contract: Contract, response: Response) -> Values:
    """``values`` of the stage ``name`` with every reference replaced by what ``response`` holds."""

    def replaced(match: re.Match[str]) -> str:
        literal, stage = match["literal"], match["stage"]
        if literal is not None:
            return "{" + literal + "}" if literal.split(".")[0] in contract.stages else match[0]
        return str(response[stage][match["field"]]) if stage in contract.stages else match[0]

    return values | {key: _BRACES.sub(replaced, text) for key, text in _texts(name, values, contract).items()}


def _texts(name: str, values: Values, contract: Contract) -> dict[str, str]:
    """The fields that may refer: those declared as text."""
    return {f.name: values[f.name] for f in contract.stages[name].inputs if f.kind == "text" and f.name in values}


def _references(texts: Mapping[str, str], contract: Contract) -> Iterable[tuple[str, str]]:
    for text in texts.values():
        for match in _BRACES.finditer(text):
            if match["stage"] in contract.stages:
                yield match["stage"], match["field"]


def _problem(stage: str, output: str, request: Request, contract: Contract) -> str:
    """Why a reference cannot be followed; empty when it can. It names no field that the contract does not."""
    declared = contract.stages[stage].output(output)
    if declared is None or declared.kind != "text":
        texts = ", ".join(f"{{{stage}.{f.name}}}" for f in contract.stages[stage].declared if f.kind == "text")
        return f"a reference to {stage} names no text field of it; it has {texts}"
    if stage not in request.stages and stage not in request.errors:
        return f"it refers to {stage}, which this request does not ask; add {stage} or take the reference out"
    return ""


def _reaches(start: str, goal: str, needs: Mapping[str, set[str]]) -> bool:
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
