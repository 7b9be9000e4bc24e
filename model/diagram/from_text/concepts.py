"""A prompt and the passages found for it become a diagram: what the prompt names, and what is said of it."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import Stemmer

from ...passages import Passage
from ...text_analysis import collapse_space, sentences
from ..fonts import foreign
from ..graph import Diagram, Edge, Layer, Node
from . import prompt_parsing
from .part_of_speech import plain
from .prompt_parsing import Item
from .statements import Statement, phrases, statements

MOST_NODES = 9
"""More do not fit a slide."""
_MOST_MEMBERS = 5

_FRAME = re.compile(  # of a text whose white space is collapsed: none here is longer than one character
    r"^\s?(?:please\s)?(?:draw|show|make|create|generate|paint|sketch)?\s?(?:me\s)?(?:an?|the)?\s?(?:[\w-]+\s){0,2}?"
    r"(?:diagram|picture|image|drawing|illustration|map|sketch|chart|figure|graph|slide"
    r"|flow ?chart|flow|workflow|steps|process|layers|stack|architecture)\s?"
    r"(?:of|about|showing|for|that shows|explaining|:)+\s?:?\s?(?=\S)",
    re.IGNORECASE,
)
_IN_USE = re.compile(r"\sin (?:use|action|practice)\W*$", re.IGNORECASE)
_CONDITION = re.compile(r"(?:if|when|unless|without|while|although|until)\b", re.IGNORECASE)
_MOST_TITLE = 90


def diagram(prompt: str, passages: Sequence[Passage], style: str = "") -> Diagram:
    """What the prompt lists or says, then what the passages say of it, in ``style`` or the form that it asks for."""
    prompt = collapse_space(prompt)
    inside = _FRAME.sub("", prompt).strip()
    asked = plain(inside) or plain(prompt) or prompt.strip()
    style = style or prompt_parsing.style(prompt)
    head, items = prompt_parsing.listed(inside)
    made = Diagram(title=_title(asked), style=style)
    if items and style == "flow":
        _steps(made, items)
    elif items and style == "layers":
        _bands(made, items)
    elif foreign(asked):
        _around(made, head or asked, items or prompt_parsing.clauses(asked))
    else:
        _concepts(made, _IN_USE.sub("", asked), passages)
        if style == "layers":
            _ranks(made)
    if items:
        made.title = _title(head or ", ".join(item.name for item in items))
    return made


def _steps(made: Diagram, items: Sequence[Item]) -> None:
    """One step after the other."""
    for number, item in enumerate(items[:MOST_NODES], 1):
        key = f"step {number}"
        made.nodes[key] = Node(key, _capital(item.name), step=number)
    made.edges += [Edge(one, following, "") for one, following in pairwise(made.nodes)]


def _bands(made: Diagram, items: Sequence[Item]) -> None:
    """A layer for each item, the first on top."""
    for number, item in enumerate(items[:MOST_NODES]):
        members = item.members[:_MOST_MEMBERS] or (item.name,)
        keys = tuple(f"{number} {place}" for place in range(len(members)))
        made.nodes |= {key: Node(key, _capital(label)) for key, label in zip(keys, members, strict=True)}
        made.layers.append(Layer(item.name if item.members else "", keys))


def _ranks(made: Diagram) -> None:
    """Layers out of a map: what nothing leads to on top, each below all that lead to it."""
    depth = dict.fromkeys(made.nodes, 0)
    for _ in made.nodes:  # as often as a way can be long; in a circle it ends there
        for edge in made.edges:
            depth[edge.target] = min(max(depth[edge.target], depth[edge.source] + 1), len(made.nodes))
    for rank in sorted(set(depth.values())):
        made.layers.append(Layer("", tuple(key for key in made.nodes if depth[key] == rank)))


def _around(made: Diagram, centre: str, items: Sequence[Item]) -> None:
    """A text whose grammar is not known here: its parts around what it is about."""
    made.nodes["main"] = Node("main", _title(centre), main=True)
    for number, item in enumerate(items[: MOST_NODES - 1]):
        if item.name != centre:
            made.nodes[str(number)] = Node(str(number), item.name)
            made.edges.append(Edge("main", str(number), ""))


def _concepts(made: Diagram, about: str, passages: Sequence[Passage]) -> None:
    """The statements of the prompt, then those of the passages that touch what is already there."""
    growing = _Growing(made)
    for position, phrase in enumerate(phrases(about) or [about]):
        growing.add(phrase, main=position == 0)
    for statement in statements(about):
        growing.connect(statement, "")
    growing.grow(list(_said([passage for passage in passages if not foreign(passage.text)])))


def _said(passages: Sequence[Passage]) -> Iterator[tuple[Statement, str]]:
    """The statements of the passages with their sources, best passage first."""
    for passage in passages:
        for sentence in sentences(passage.text):
            if not _CONDITION.match(sentence.text):  # what holds under a condition is not said without it
                yield from ((statement, passage.chunk.source) for statement in statements(sentence.text))


def _title(text: str) -> str:
    short = text if len(text) <= _MOST_TITLE else text[: _MOST_TITLE - 1].rsplit(" ", 1)[0] + "…"
    return short[:1].title() + short[1:]


def _capital(phrase: str) -> str:
    """It with a capital, unless it is a name that is written otherwise."""
    told = phrase.replace(" ", "").replace("-", "").isalpha()
    return phrase[:1].title() + phrase[1:] if told and phrase.islower() else phrase


class _Growing:
    """A diagram in the making. Phrases with the same stems are the same node."""

    def __init__(self, made: Diagram) -> None:
        self.made = made
        self._stem = Stemmer.Stemmer("english").stemWord  # its own: a stemmer is not safe between threads

    def add(self, phrase: str, *, main: bool = False) -> None:
        """Adds a node, unless it is there or the slide is full."""
        key = self._key(phrase)
        if key not in self.made.nodes and len(self.made.nodes) < MOST_NODES:
            self.made.nodes[key] = Node(key, _capital(phrase), main)

    def connect(self, statement: Statement, source: str) -> None:
        """Adds an edge and the nodes at its ends, when there is room and the two are not yet joined."""
        ends = self._key(statement.subject), self._key(statement.object)
        joined = any({edge.source, edge.target} == set(ends) for edge in self.made.edges)
        if joined or ends[0] == ends[1]:
            return
        self.add(statement.subject)
        self.add(statement.object)
        if all(end in self.made.nodes for end in ends):
            self.made.edges.append(Edge(*ends, statement.relation))
            if source and source not in self.made.sources:
                self.made.sources.append(source)

    def grow(self, found: list[tuple[Statement, str]]) -> None:
        """Connects the statements that touch a node, round after round, until a round adds none."""
        before = -1
        while len(self.made.edges) > before:
            before = len(self.made.edges)
            for statement, source in found:
                if self._key(statement.subject) in self.made.nodes:
                    self.connect(statement, source)

    def _key(self, phrase: str) -> str:
        """The stems of ``phrase``, or of its last word when that alone is what the diagram is about."""
        stems = [self._stem(word) for word in phrase.lower().split()]
        about = self.made.nodes.get(stems[-1])
        return stems[-1] if about and about.main else " ".join(stems)
