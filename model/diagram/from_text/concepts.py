"""Build the graph of a diagram from a prompt and passages: what the prompt names, and what is said about it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import Stemmer

from ...passages import Passage
from ...text_analysis import collapse_space, split_sentences
from ..fonts import is_mostly_non_latin
from ..graph import MAX_NODES, DiagramGraph, Edge, Layer, Node
from . import prompt_parsing
from .labels import capitalize, make_title
from .part_of_speech import strip_markup
from .predicates import extract_predicates
from .prompt_parsing import Item
from .statements import Statement, extract_phrases, extract_statements
from .structure_graph import add_layers, add_steps, draw_structure
from .structures import MIN_MATCH, Entry, Structure, find_sections, find_structure, measure_words

MIN_NODES = 3
"""Nodes that the documents have to give; with fewer, the picture shows the prompt's own words."""
_MIN_QUOTED_WORDS = 5
_SURE_MATCH = 0.8
"""Match from which a structure is drawn before what sentences say."""

_FRAME = re.compile(  # of a text whose white space is collapsed: none here is longer than one character
    r"^\s?(?:please\s)?(?:draw|show|make|create|generate|paint|sketch)?\s?(?:me\s)?(?:an?|the)?\s?(?:[\w-]+\s){0,2}?"
    r"(?:diagram|picture|image|drawing|illustration|map|sketch|chart|figure|graph|slide"
    r"|flow ?chart|flow|workflow|steps|process|layers|stack|architecture)\s?"
    r"(?:of|about|showing|for|that shows|explaining|:)+\s?:?\s?(?=\S)",
    re.IGNORECASE,
)
_IN_USE = re.compile(r"\sin (?:use|action|practice)\W*$", re.IGNORECASE)
_CONDITION = re.compile(r"(?:if|when|unless|without|while|although|until)\b", re.IGNORECASE)
_HOW_TO = re.compile(
    r"(?:how (?:to|do|can|should)\b|what (?:to do|should|must|do i do)\b|wie (?:kann|muss|soll|wird|werden|\w+e? ich)\b"
    r"|was (?:tun|ist zu tun|muss)\b|comment\b|que faire\b|c[oó]mo\b|qué hacer\b)",
    re.IGNORECASE,
)
"""The start of a prompt that asks what to do, so that the sentences of a paragraph are steps."""
_PREPOSITIONS = frozenset({"of", "in", "on", "at", "for", "with", "to", "from", "by", "about", "and"})
_PRONOUN = re.compile(r"(?:It|They|He|She)\s")
"""A pronoun that stands for the subject of the sentence before."""


def build_graph(prompt: str, passages: Sequence[Passage], style: str = "") -> DiagramGraph:
    """Return the graph of what the prompt lists, else of what the documents hold about it, else of the prompt's words.

    Of the documents, the first of these that gives three nodes is drawn: a procedure, list, table or record that has
    the prompt's words; what sentences say about its subject; the sections of a document; what sentences near it say.

    Args:
        prompt: What the diagram is about.
        passages: Passages, best first.
        style: One of interfaces.STYLES; empty for the style that the prompt's words ask for, or that fits.

    Returns:
        The graph; without ``sources`` when it shows the prompt alone.
    """
    prompt = collapse_space(prompt)
    request = _FRAME.sub("", prompt).strip()
    subject = strip_markup(request) or strip_markup(prompt) or prompt.strip()
    asked_style = style or prompt_parsing.find_style(prompt)
    head, items = prompt_parsing.parse_list(request)
    if items:
        return _draw_list(head, items, subject, asked_style or "map", passages)
    title = make_title(subject)
    subject = _IN_USE.sub("", subject)
    structure = find_structure(subject, passages, asked_style, is_how_to=_HOW_TO.match(prompt) is not None)
    if structure and (asked_style == "flow" or structure.match >= _SURE_MATCH):
        return draw_structure(structure, asked_style, title)
    graph = DiagramGraph(title, style=asked_style or "map")
    if is_mostly_non_latin(subject):
        _add_spokes(graph, subject, prompt_parsing.split_clauses(subject))
        return graph if structure is None else draw_structure(structure, asked_style, title)
    return _draw_concepts(graph, subject, passages, structure or find_sections(subject, passages), asked_style)


def _draw_list(head: str, items: Sequence[Item], subject: str, style: str, passages: Sequence[Passage]) -> DiagramGraph:
    """Return the graph of what a prompt lists."""
    graph = DiagramGraph(make_title(head or ", ".join(item.name for item in items)), style=style)
    entries = [Entry(item.name, details=tuple(("", member) for member in item.members)) for item in items]
    if style == "flow":
        add_steps(graph, entries)
    elif style == "layers":
        add_layers(graph, entries)
    elif is_mostly_non_latin(subject):
        _add_spokes(graph, head or subject, items)
    else:
        _add_prompt(graph, _IN_USE.sub("", subject))
        statements = [(passage, _extract_statements(passage)) for passage in passages]
        _ConceptMapBuilder(graph).add_connected(_name_sources(statements))
    return graph


def _draw_concepts(
    graph: DiagramGraph, subject: str, passages: Sequence[Passage], structure: Structure | None, asked_style: str
) -> DiagramGraph:
    """Return the graph of what the prompt says and what the documents say about it, where that is enough.

    Else it is that of ``structure``, else that of the prompt alone.
    """
    _add_prompt(graph, subject)
    is_sentence = len(graph.nodes) >= MIN_NODES and any(
        not _PREPOSITIONS.issuperset(edge.label.lower().split()) for edge in graph.edges
    )
    prompt_nodes, prompt_edges = dict(graph.nodes), list(graph.edges)

    def is_enough() -> bool:
        """Return whether the documents have given enough nodes so far."""
        return len(_list_ends(graph.edges[len(prompt_edges) :])) >= MIN_NODES

    statements = [(passage, list(_extract_statements(passage))) for passage in passages]
    builder = _ConceptMapBuilder(graph)
    builder.add_connected(_name_sources(statements))
    is_flow = graph.style == "flow"  # sentences and sections have no order
    if structure and not is_sentence and not is_enough() and (structure.match or not is_flow):
        return draw_structure(structure, asked_style, graph.title)
    if not is_enough() and not is_sentence and not is_flow:
        near = _find_near(subject, passages)
        builder.add_near(_name_sources([pair for pair in statements if pair[0] in near]))
    if not is_enough() and not is_flow:
        graph.nodes, graph.edges, graph.sources = dict(prompt_nodes), list(prompt_edges), []
        builder.add_connected(_name_sources([(passage, _extract_parts(passage)) for passage in passages]))
    if is_enough():
        joined = _list_ends(graph.edges)
        graph.nodes = {key: node for key, node in graph.nodes.items() if key in joined}
        first = next(iter(graph.nodes.values()))
        graph.nodes[first.key] = replace(first, main=True)
    else:
        graph.nodes, graph.edges, graph.sources = prompt_nodes, prompt_edges, _find_quoted(subject, passages)
    if graph.style == "layers":
        _rank_into_layers(graph)
    return graph


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
    graph.nodes["main"] = Node("main", make_title(centre), main=True)
    for number, item in enumerate(items[: MAX_NODES - 1]):
        if item.name != centre:
            graph.nodes[str(number)] = Node(str(number), item.name)
            graph.edges.append(Edge("main", str(number), ""))


def _add_prompt(graph: DiagramGraph, subject: str) -> None:
    """Add the phrases and statements of the prompt; the first phrase is the main node."""
    growing = _ConceptMapBuilder(graph)
    for position, phrase in enumerate(extract_phrases(subject) or [subject]):
        growing.add_node(phrase, main=position == 0)
    for statement in extract_statements(subject):
        growing.add_statement(statement, "")


def _find_quoted(subject: str, passages: Sequence[Passage]) -> list[str]:
    """Return the sources of the passages that a prompt quotes a sentence of, such as one made of an answer."""
    sentences = [sentence.text for sentence in split_sentences(subject)]
    quoted = [text for text in sentences if len(text.split()) >= _MIN_QUOTED_WORDS]
    return list(
        dict.fromkeys(
            passage.chunk.source
            for passage in passages
            if any(text in strip_markup(passage.chunk.text) for text in quoted)
        )
    )


def _find_near(subject: str, passages: Sequence[Passage]) -> list[Passage]:
    """Return the first passages that have each name of a subject, and half of its words."""
    names = [word for word in subject.split()[1:] if word[:1].isupper()]
    with_names = [passage for passage in passages if all(name in passage.chunk.searchable_text for name in names)]
    return [passage for passage in with_names if measure_words(subject, passage) >= MIN_MATCH]


def _extract_statements(passage: Passage) -> Iterator[Statement]:
    """Yield what the sentences of a passage say.

    A sentence that begins with a pronoun goes on about the subject of the sentence before.
    """
    subject = ""
    for sentence in _list_sentences(passage):
        statements = list(extract_predicates(_PRONOUN.sub(f"{subject} ", sentence) if subject else sentence))
        subject = statements[0].subject if statements else ""
        yield from statements


def _extract_parts(passage: Passage) -> Iterator[Statement]:
    """Yield the statements inside the sentences of a passage: each verb joins two phrases."""
    for sentence in _list_sentences(passage):
        for statement in extract_statements(sentence):
            if not _PREPOSITIONS.issuperset(statement.relation.lower().split()):
                yield statement


def _list_sentences(passage: Passage) -> Iterator[str]:
    """Yield the sentences of a passage; a conditional one is not true without its condition."""
    if not is_mostly_non_latin(passage.text):
        for sentence in split_sentences(passage.text):
            if not _CONDITION.match(sentence.text):
                yield sentence.text


def _name_sources(statements: Iterable[tuple[Passage, Iterable[Statement]]]) -> list[tuple[Statement, str]]:
    """Return the statements of passages with their sources."""
    return [(statement, passage.chunk.source) for passage, extracted in statements for statement in extracted]


def _list_ends(edges: Iterable[Edge]) -> set[str]:
    """Return the keys of the nodes that edges join."""
    return {key for edge in edges for key in (edge.source, edge.target)}


class _ConceptMapBuilder:
    """Add nodes and edges to a graph. Phrases with the same stems are the same node."""

    def __init__(self, graph: DiagramGraph) -> None:
        self.graph = graph
        self._stem = Stemmer.Stemmer("english").stemWord  # not shared: a stemmer is not safe between threads

    def add_node(self, phrase: str, *, main: bool = False) -> None:
        """Add a node, unless it exists or the diagram is full."""
        key = self._node_key(phrase)
        if key not in self.graph.nodes and len(self.graph.nodes) < MAX_NODES:
            self.graph.nodes[key] = Node(key, capitalize(phrase), main)

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
                if self._node_key(statement.subject) in self.graph.nodes or self._add_part(statement.subject):
                    self.add_statement(statement, source)

    def add_near(self, statements_with_sources: list[tuple[Statement, str]]) -> None:
        """Add statements whose subjects are no nodes: each subject is joined to the diagram's own, if both fit."""
        main = next(node for node in self.graph.nodes.values() if node.main)
        for statement, source in statements_with_sources:
            is_new = self._node_key(statement.subject) not in self.graph.nodes
            if is_new and len(self.graph.nodes) > MAX_NODES - 2:
                continue
            self.add_statement(statement, source)
            if is_new and self._node_key(statement.subject) in self.graph.nodes:
                self.graph.edges.append(Edge(main.key, self._node_key(statement.subject), ""))

    def _add_part(self, phrase: str) -> bool:
        """Join a phrase with the diagram's subject in it, such as "fox dens", to it; return whether it has it."""
        main = next((node for node in self.graph.nodes.values() if node.main), None)
        stems = self._node_key(phrase).split()
        if main is None or len(self.graph.nodes) >= MAX_NODES - 1 or not set(main.key.split()) <= set(stems):
            return False
        self.add_node(phrase)
        self.graph.edges.append(Edge(main.key, self._node_key(phrase), ""))
        return True

    def _node_key(self, phrase: str) -> str:
        """Return the stems of ``phrase``, or of its last word when that alone is the diagram's subject."""
        stems = [self._stem(word) for word in phrase.lower().split()]
        about = self.graph.nodes.get(stems[-1])
        is_subject = about is not None and about.main and "of" not in stems
        return stems[-1] if is_subject else " ".join(stems)
