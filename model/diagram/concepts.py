"""A prompt and the passages found for it become a diagram: what the prompt names, and what is said of it."""

import re
from collections.abc import Iterator, Sequence

import Stemmer

from ..retrieval.chunks import Passage
from ..retrieval.words import sentences
from .graph import Diagram, Edge, Node
from .phrases import Statement, phrases, statements
from .tagging import plain

MOST_NODES = 9
"""More do not fit a slide."""

_FRAME = re.compile(
    r"^\s*(?:please\s+)?(?:draw|show|make|create|generate|paint|sketch)?\s*(?:me\s+)?(?:an?|the)?\s*(?:[\w-]+\s+){0,2}?"
    r"(?:diagram|picture|image|drawing|illustration|map|sketch|chart|figure|graph|slide)\s*"
    r"(?:of|about|showing|for|that shows|explaining|:)+\s*:?\s*(?=\S)",
    re.IGNORECASE,
)
_IN_USE = re.compile(r"\s+in (?:use|action|practice)\W*$", re.IGNORECASE)
_CONDITION = re.compile(r"(?:if|when|unless|without|while|although|until)\b", re.IGNORECASE)
_MOST_TITLE = 90


def diagram(prompt: str, passages: Sequence[Passage]) -> Diagram:
    """The statements of the prompt, then those of the passages that touch what is already there."""
    asked = plain(_FRAME.sub("", prompt)) or plain(prompt)
    about = _IN_USE.sub("", asked)
    growing = _Growing(Diagram(title=_title(asked)))
    for position, phrase in enumerate(phrases(about) or [about]):
        growing.add(phrase, main=position == 0)
    for statement in statements(about):
        growing.connect(statement, "")
    growing.grow(list(_said(passages)))
    return growing.made


def _said(passages: Sequence[Passage]) -> Iterator[tuple[Statement, str]]:
    """The statements of the passages with their sources, best passage first."""
    for passage in passages:
        for sentence in sentences(passage.text):
            if not _CONDITION.match(sentence.text):  # what holds under a condition is not said without it
                yield from ((statement, passage.chunk.source) for statement in statements(sentence.text))


def _title(text: str) -> str:
    short = text if len(text) <= _MOST_TITLE else text[: _MOST_TITLE - 1].rsplit(" ", 1)[0] + "…"
    return short[:1].upper() + short[1:]


class _Growing:
    """A diagram in the making. Phrases with the same stems are the same node."""

    def __init__(self, made: Diagram) -> None:
        self.made = made
        self._stem = Stemmer.Stemmer("english").stemWord  # its own: a stemmer is not safe between threads

    def add(self, phrase: str, *, main: bool = False) -> None:
        """Adds a node, unless it is there or the slide is full."""
        key = self._key(phrase)
        if key not in self.made.nodes and len(self.made.nodes) < MOST_NODES:
            told = phrase.replace(" ", "").replace("-", "").isalpha()
            label = phrase[:1].upper() + phrase[1:] if told and phrase.islower() else phrase
            self.made.nodes[key] = Node(key, label, main)

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
