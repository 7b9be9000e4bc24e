"""A pipeline in words and as a Mermaid drawing, from its contract alone."""

from collections.abc import Iterator
from typing import Any

from . import references
from .stage_contract import Contract, StageContract


def describe(contract: Contract) -> dict[str, Any]:
    """The declarations of each stage, where its defaults refer to, a request that asks all; text and Mermaid."""
    stages = {
        name: stage.describe() | {"refers": sorted(set(_references(stage, contract)))}
        for name, stage in contract.stages.items()
    }
    told = {"stages": stages, "example": contract.example()}
    return told | {"text": "\n".join(_text(stages)), "mermaid": "\n".join(_mermaid(stages))}


def _references(stage: StageContract, contract: Contract) -> Iterator[str]:
    defaults = {one.name: one.default for one in stage.inputs if one.default is not None}
    for reference in references.references(stage, defaults, contract):
        yield f"{reference.stage}.{reference.field}"


def _text(stages: dict[str, Any]) -> Iterator[str]:
    for name, stage in stages.items():
        served = ", ".join(f"{role} by {provider}" for role, provider in stage["providers"].items())
        yield f"{name} ({stage['kind']}{'; ' if served else ''}{served})"
        yield f"  takes   {', '.join(map(_input, stage['inputs']))}"
        yield f"  gives   {', '.join(one['name'] for one in stage['outputs'])}"
        if stage["refers"]:
            yield f"  refers  to {', '.join(stage['refers'])}"
        if stage["unless"]:
            yield f"  unless  {stage['unless']}"


def _input(one: dict[str, Any]) -> str:
    return str(one["name"]) + ("*" if one.get("required") else "=" if one.get("default") else "")


def _mermaid(stages: dict[str, Any]) -> Iterator[str]:
    yield "flowchart LR"
    yield "  request([request])"
    yield "  response([response])"
    for name, stage in stages.items():
        served = ", ".join(f"{role}: {provider}" for role, provider in stage["providers"].items())
        yield f'  {_id(name)}["<b>{name}</b><br>{stage["kind"]}{"<br>" if served else ""}{served}"]'
    for name, stage in stages.items():
        inputs = [one["name"] for one in stage["inputs"] if one.get("required")] or ["run"]
        yield f'  request -->|"{", ".join(inputs)}"| {_id(name)}'
        for reference in stage["refers"]:
            yield f'  {_id(reference.partition(".")[0])} -->|"{reference.partition(".")[2]}"| {_id(name)}'
        if stage["unless"]:
            yield f'  {_id(stage["unless"].partition(".")[0])} -.->|"unless {stage["unless"]}"| {_id(name)}'
        yield f"  {_id(name)} --> response"


def _id(name: str) -> str:
    """A node's name in Mermaid, where some words are taken (``end``)."""
    return f"stage_{name.replace('-', '_')}"
