"""Read a diagram that a chat model specified: JSON with nodes, edges and groups, validated before it is drawn."""

import json
import unicodedata
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from .graph import DiagramGraph, Edge, Layer, Node

MAX_NODES = 14
_MAX_EDGES, _MAX_GROUPS = 30, 6


def _to_one_line(text: object) -> object:
    """Return a text on one line, without characters that cannot be drawn."""
    if not isinstance(text, str):
        return text
    return "".join(letter for letter in " ".join(text.split()) if unicodedata.category(letter)[0] != "C")


Line = BeforeValidator(_to_one_line)
Label = Annotated[str, StringConstraints(min_length=1, max_length=60), Line]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class _Group(_Strict):
    id: str
    label: Label


class _Node(_Strict):
    id: str
    label: Label
    group: str | None = None
    main: bool = False


class _Edge(_Strict):
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    label: Annotated[str, StringConstraints(max_length=40), Line] = ""


class DiagramSpecification(_Strict):
    """A chat model's diagram. Every edge joins two nodes, and every node's group exists."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=90), Line]
    groups: list[_Group] = Field(default=[], max_length=_MAX_GROUPS)
    nodes: list[_Node] = Field(min_length=2, max_length=MAX_NODES)
    edges: list[_Edge] = Field(default=[], max_length=_MAX_EDGES)

    @model_validator(mode="after")
    def _check_references(self) -> Self:
        nodes, groups = [node.id for node in self.nodes], {group.id for group in self.groups}
        if len(set(nodes)) < len(nodes):
            raise ValueError("two nodes have the same id")
        if not {end for edge in self.edges for end in (edge.source, edge.target)} <= set(nodes):
            raise ValueError("an edge leads to an id that is no node's")
        if not {node.group for node in self.nodes if node.group} <= groups:
            raise ValueError("a node is in a group that is not there")
        return self

    def to_graph(self, style: str) -> DiagramGraph:
        """Return the graph; in the style ``layers``, groups become layers from top to bottom."""
        nodes = {node.id: Node(node.id, node.label, node.main) for node in self.nodes}
        edges = [Edge(edge.source, edge.target, edge.label) for edge in self.edges if edge.source != edge.target]
        graph = DiagramGraph(self.title, nodes, edges, style=style)
        groups = [(group.label, tuple(n.id for n in self.nodes if n.group == group.id)) for group in self.groups]
        layers = [Layer(label, keys) for label, keys in groups if keys]
        if style == "layers" and sum(len(layer.keys) for layer in layers) == len(nodes):
            graph.layers = layers
        else:
            graph.groups = layers
        return graph


def parse_specification(text: str) -> DiagramSpecification:
    """Return the diagram in a chat model's reply.

    Raises:
        ValueError: The reply contains no valid diagram. The message tells the model what is wrong.
    """
    start, end = text.find("{"), text.rfind("}") + 1
    if start < 0 or end <= start:
        raise ValueError("there is no JSON object in it")
    try:
        return DiagramSpecification.model_validate(json.loads(text[start:end]))
    except ValidationError as error:
        messages = [(".".join(map(str, detail["loc"])), detail["msg"]) for detail in error.errors()[:5]]
        sentences = [": ".join(filter(None, [path, text.removeprefix("Value error, ")])) for path, text in messages]
        raise ValueError("; ".join(sentences)) from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
