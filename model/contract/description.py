"""Describe a pipeline in words and as a Mermaid diagram, from its contract alone."""

from collections.abc import Iterator
from typing import Any

from . import references
from .stage_contract import Contract, StageContract

QUESTIONS_ARTIFACT = "questions"
"""Name of a version's file with questions that its documents answer: a JSON list, from which a page offers some."""


def describe_contract(contract: Contract) -> dict[str, Any]:
    """Return each stage's declaration and references, an example request, a text and a Mermaid diagram."""
    stages = {
        name: stage.describe() | {"refers": sorted(set(_default_references(stage, contract)))}
        for name, stage in contract.stages.items()
    }
    summary = {"stages": stages, "example": contract.example_request()}
    return summary | {"text": "\n".join(_describe_in_words(stages)), "mermaid": "\n".join(_draw_mermaid(stages))}


def _default_references(stage: StageContract, contract: Contract) -> Iterator[str]:
    defaults = {field.name: field.default for field in stage.inputs if field.default is not None}
    for reference in references.find_references(stage, defaults, contract):
        yield f"{reference.stage}.{reference.field}"


def _describe_in_words(stages: dict[str, Any]) -> Iterator[str]:
    for name, stage in stages.items():
        providers = ", ".join(f"{role} by {provider}" for role, provider in stage["providers"].items())
        yield f"{name} ({stage['kind']}{'; ' if providers else ''}{providers})"
        yield f"  takes   {', '.join(map(_format_input, stage['inputs']))}"
        yield f"  gives   {', '.join(field['name'] for field in stage['outputs'])}"
        if stage["refers"]:
            yield f"  refers  to {', '.join(stage['refers'])}"
        if stage["unless"]:
            yield f"  unless  {stage['unless']}"


def _format_input(field: dict[str, Any]) -> str:
    return str(field["name"]) + ("*" if field.get("required") else "=" if field.get("default") else "")


def _draw_mermaid(stages: dict[str, Any]) -> Iterator[str]:
    yield "flowchart LR"
    yield "  request([request])"
    yield "  response([response])"
    for name, stage in stages.items():
        providers = ", ".join(f"{role}: {provider}" for role, provider in stage["providers"].items())
        yield f'  {_node_id(name)}["<b>{name}</b><br>{stage["kind"]}{"<br>" if providers else ""}{providers}"]'
    for name, stage in stages.items():
        inputs = [field["name"] for field in stage["inputs"] if field.get("required")] or ["run"]
        yield f'  request -->|"{", ".join(inputs)}"| {_node_id(name)}'
        for reference in stage["refers"]:
            yield f'  {_node_id(reference.partition(".")[0])} -->|"{reference.partition(".")[2]}"| {_node_id(name)}'
        if stage["unless"]:
            yield f'  {_node_id(stage["unless"].partition(".")[0])} -.->|"unless {stage["unless"]}"| {_node_id(name)}'
        yield f"  {_node_id(name)} --> response"


def _node_id(name: str) -> str:
    """Return the name of a node in Mermaid, in which some words such as ``end`` are reserved."""
    return f"stage_{name.replace('-', '_')}"
