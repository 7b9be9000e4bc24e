"""Build the graph of a diagram from a prompt and passages: what the prompt names, and what is said about it."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import Stemmer

from ...passages import Passage
from ...text_analysis import collapse_space, split_sentences
from ..fonts import is_mostly_non_latin
from ..graph import DiagramGraph, Edge, Layer, Node
from . import prompt_parsing
from .part_of_speech import strip_markup
from .prompt_parsing import Item
from .statements import Statement, extract_phrases, extract_statements

MAX_NODES = 9
"""Nodes of a diagram; more do not fit a slide."""
_MAX_MEMBERS = 5

_FRAME = re.compile(  # of a text whose white space is collapsed: none here is longer than one character
    r"^\s?(?:please\s)?(?:draw|show|make|create|generate|paint|sketch)?\s?(?:me\s)?(?:an?|the)?\s?(?:[\w-]+\s){0,2}?"
    r"(?:diagram|picture|image|drawing|illustration|map|sketch|chart|figure|graph|slide"
    r"|flow ?chart|flow|workflow|steps|process|layers|stack|architecture)\s?"
    r"(?:of|about|showing|for|that shows|explaining|:)+\s?:?\s?(?=\S)",
    re.IGNORECASE,
)
_IN_USE = re.compile(r"\sin (?:use|action|practice)\W*$", re.IGNORECASE)
_CONDITION = re.compile(r"(?:if|when|unless|without|while|although|until)\b", re.IGNORECASE)
_MAX_TITLE = 90


def build_graph(prompt: str, passages: Sequence[Passage], style: str = "") -> DiagramGraph:
    """Return the graph of what the prompt lists or says, then of what passages say about it.

    Args:
        prompt: What the diagram is about.
        passages: Passages, best first.
        style: One of interfaces.STYLES; empty for the style that the prompt's words ask for.

    Returns:
        The graph.
    """
    prompt = collapse_space(prompt)
    request = _FRAME.sub("", prompt).strip()
    subject = strip_markup(request) or strip_markup(prompt) or prompt.strip()
    style = style or prompt_parsing.choose_style(prompt)
    head, items = prompt_parsing.parse_list(request)
    graph = DiagramGraph(title=_make_title(subject), style=style)
    if items and style == "flow":
        _add_steps(graph, items)
    elif items and style == "layers":
        _add_layers(graph, items)
    elif is_mostly_non_latin(subject):
        _add_spokes(graph, head or subject, items or prompt_parsing.split_clauses(subject))
    else:
        _add_concepts(graph, _IN_USE.sub("", subject), passages)
        if style == "layers":
            _rank_into_layers(graph)
    if items:
        graph.title = _make_title(head or ", ".join(item.name for item in items))
    return graph


def _add_steps(graph: DiagramGraph, items: Sequence[Item]) -> None:
    """Add one step after the other."""
    for number, item in enumerate(items[:MAX_NODES], 1):
        key = f"step {number}"
        graph.nodes[key] = Node(key, _capitalize(item.name), step=number)
    graph.edges += [Edge(key_of_step, following, "") for key_of_step, following in pairwise(graph.nodes)]


def _add_layers(graph: DiagramGraph, items: Sequence[Item]) -> None:
    """Add a layer for each item, the first on top."""
    for number, item in enumerate(items[:MAX_NODES]):
        members = item.members[:_MAX_MEMBERS] or (item.name,)
        keys = tuple(f"{number} {number_in_layer}" for number_in_layer in range(len(members)))
        graph.nodes |= {key: Node(key, _capitalize(label)) for key, label in zip(keys, members, strict=True)}
        graph.layers.append(Layer(item.name if item.members else "", keys))


def _rank_into_layers(graph: DiagramGraph) -> None:
    """Turn a map into layers: nodes without incoming edges on top, each node below all nodes that lead to it."""
    depth = dict.fromkeys(graph.nodes, 0)
    for _ in graph.nodes:  # a path has at most as many edges; a cycle ends here
        for edge in graph.edges:
            depth[edge.target] = min(max(depth[edge.target], depth[edge.source] + 1), len(graph.nodes))
    for rank in sorted(set(depth.values())):
        graph.layers.append(Layer("", tuple(key for key in graph.nodes if depth[key] == rank)))


def _add_spokes(graph: DiagramGraph, centre: str, items: Sequence[Item]) -> None:
    """Add the parts of a text around its subject, for a language whose grammar is unknown here."""
    graph.nodes["main"] = Node("main", _make_title(centre), main=True)
    for number, item in enumerate(items[: MAX_NODES - 1]):
        if item.name != centre:
            graph.nodes[str(number)] = Node(str(number), item.name)
            graph.edges.append(Edge("main", str(number), ""))


def _add_concepts(graph: DiagramGraph, subject: str, passages: Sequence[Passage]) -> None:
    """Add the statements of the prompt, then those of the passages that touch a node."""
    growing = _ConceptMapBuilder(graph)
    for position, phrase in enumerate(extract_phrases(subject) or [subject]):
        growing.add_node(phrase, main=position == 0)
    for statement in extract_statements(subject):
        growing.add_statement(statement, "")
    growing.add_connected(
        list(_statements_of([passage for passage in passages if not is_mostly_non_latin(passage.text)]))
    )


def _statements_of(passages: Sequence[Passage]) -> Iterator[tuple[Statement, str]]:
    """Yield the statements of the passages with their sources, best passage first."""
    for passage in passages:
        for sentence in split_sentences(passage.text):
            if not _CONDITION.match(sentence.text):  # a conditional statement is not true without its condition
                yield from ((statement, passage.chunk.source) for statement in extract_statements(sentence.text))


def _make_title(text: str) -> str:
    short = text if len(text) <= _MAX_TITLE else text[: _MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"
    return short[:1].title() + short[1:]


def _capitalize(phrase: str) -> str:
    """Capitalize ``phrase``, unless it is a name that is written otherwise."""
    is_plain_word = phrase.replace(" ", "").replace("-", "").isalpha()
    return phrase[:1].title() + phrase[1:] if is_plain_word and phrase.islower() else phrase


class _ConceptMapBuilder:
    """Add nodes and edges to a graph. Phrases with the same stems are the same node."""

    def __init__(self, graph: DiagramGraph) -> None:
        self.graph = graph
        self._stem = Stemmer.Stemmer("english").stemWord  # not shared: a stemmer is not safe between threads

    def add_node(self, phrase: str, *, main: bool = False) -> None:
        """Add a node, unless it exists or the diagram is full."""
        key = self._node_key(phrase)
        if key not in self.graph.nodes and len(self.graph.nodes) < MAX_NODES:
            self.graph.nodes[key] = Node(key, _capitalize(phrase), main)

    def add_statement(self, statement: Statement, source: str) -> None:
        """Add an edge and its nodes, when there is room and the two are not joined yet."""
        ends = self._node_key(statement.subject), self._node_key(statement.object)
        joined = any({edge.source, edge.target} == set(ends) for edge in self.graph.edges)
        if joined or ends[0] == ends[1]:
            return
        self.add_node(statement.subject)
        self.add_node(statement.object)
        if all(end in self.graph.nodes for end in ends):
            self.graph.edges.append(Edge(*ends, statement.relation))
            if source and source not in self.graph.sources:
                self.graph.sources.append(source)

    def add_connected(self, statements_with_sources: list[tuple[Statement, str]]) -> None:
        """Add the statements that touch a node, round after round, until a round adds none."""
        edge_count = -1
        while len(self.graph.edges) > edge_count:
            edge_count = len(self.graph.edges)
            for statement, source in statements_with_sources:
                if self._node_key(statement.subject) in self.graph.nodes:
                    self.add_statement(statement, source)

    def _node_key(self, phrase: str) -> str:
        """Return the stems of ``phrase``, or of its last word when that alone is the diagram's subject."""
        stems = [self._stem(word) for word in phrase.lower().split()]
        about = self.graph.nodes.get(stems[-1])
        return stems[-1] if about and about.main else " ".join(stems)
