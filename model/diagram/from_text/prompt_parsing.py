"""Read from a prompt what it lists, which style of diagram it asks for, and whether it asks for a diagram at all."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

_ARROW = re.compile(r"->|=>|[→⇒⟶]")
_COLON = re.compile("[:\uff1a]\\s*")
_MARK = re.compile("[,;\u3001\uff0c\uff1b\u060c]")
_SEPARATOR = re.compile(
    _MARK.pattern + r"\s*(?:and\s+then\s+|then\s+|and\s+)?|\s(?:and\s+)?then\s+|\n[^\S\n]*(?:\d+[.)]|[-*])\s*"
)
"""Separators of items. White space before one is left to ``strip``: a pattern would start at each space."""
_BRACKET = re.compile(r"[()]")
_MAX_WORDS_AFTER_AND = 4
"""Words of the last item of a list, after "and"."""
_FLOW = re.compile(
    r"\b(?:flow ?charts?|flows?|workflows?|steps?|process|sequence|procedures?|timelines?|ablauf|schritte?|verfahren"
    r"|étapes?|procédure|pasos?|proceso|procedimiento)\b",
    re.IGNORECASE,
)
_MAP = re.compile(r"\b(?:map|mind ?map)\b", re.IGNORECASE)
_LAYERS = re.compile(r"\b(?:layers?|layered|stack|tiers?|architecture)\b", re.IGNORECASE)
_CLAUSE = re.compile("[.,;:!?\n\u2192\u3001\u3002\u060c\u061b\u061f\uff01\uff0c\uff1a\uff1b\uff1f]|->")
_MAX_ITEM = 60
MIN_ITEMS = 2


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list: its name, and its members in brackets."""

    name: str
    members: tuple[str, ...] = ()


def choose_style(prompt: str) -> str:
    """Return the style of diagram that the prompt's words ask for; a map by default."""
    return find_style(prompt) or "map"


def find_style(prompt: str) -> str:
    """Return the style of diagram that the prompt's words ask for; empty when they ask for none."""
    if _LAYERS.search(prompt):
        return "layers"
    if _FLOW.search(prompt) or count_arrows(prompt) >= MIN_ITEMS:
        return "flow"
    return "map" if _MAP.search(prompt) else ""


def count_arrows(prompt: str) -> int:
    """Return the number of arrows in ``prompt``."""
    return len(_ARROW.findall(prompt))


def parse_list(prompt: str) -> tuple[str, list[Item]]:
    """Return the subject of the prompt's list (before its colon) and its items; no items when it lists nothing."""
    head, rest = _split_at_colon(prompt)
    steps = _ARROW.split(rest)
    if len(steps) < MIN_ITEMS and head:
        steps = list(_split_items(rest))
        steps = [*steps[:-1], *_split_last_items(steps[-1])]
    items = [step.strip(" \t\r.!?\n\u3002") for step in steps]
    items = [re.sub(r"^(?:first|finally|and|then|\d+[.)])\s+", "", item, flags=re.IGNORECASE) for item in items if item]
    parsed = [item for item in map(_parse_item, items) if item.name]
    if len(parsed) < MIN_ITEMS or any(len(item) > _MAX_ITEM for item in items):
        return "", []
    return head, parsed


def _split_at_colon(prompt: str) -> tuple[str, str]:
    """Return the text before and after the first colon."""
    colon = _COLON.search(prompt)
    if colon is None:
        return "", prompt
    return prompt[: colon.start()].strip(), prompt[colon.end() :]


def _split_items(text: str) -> Iterator[str]:
    """Yield the text between the separators of a list; a comma between brackets separates members, not items."""
    brackets = deque(_BRACKET.finditer(text))
    start = 0
    for separator in _SEPARATOR.finditer(text):
        while brackets and brackets[0].start() < separator.end():
            brackets.popleft()
        if not (brackets and brackets[0][0] == ")" and _MARK.match(separator[0])):
            yield text[start : separator.start()]
            start = separator.end()
    yield text[start:]


def _split_last_items(text: str) -> list[str]:
    """Split the last item of a list at each "and" that only a few words follow."""
    words = text.split()
    candidates = range(max(1, len(words) - 1 - _MAX_WORDS_AFTER_AND), len(words) - 1)
    ends = [position for position in candidates if words[position] == "and"]
    starts = [0, *(position + 1 for position in ends)]
    return (
        [" ".join(words[start:end]) for start, end in zip(starts, [*ends, len(words)], strict=True)] if ends else [text]
    )


def _parse_item(text: str) -> Item:
    name, opening, members = text.partition("(")
    if not opening or not members.endswith(")"):
        return Item(text)
    return Item(name.rstrip(), tuple(part.strip() for part in _MARK.split(members[:-1]) if part.strip()))


def split_clauses(text: str) -> list[Item]:
    """Return the parts of a text between its punctuation marks, in any script."""
    return [Item(part.strip()) for part in _CLAUSE.split(text) if part.strip()]


_DIAGRAM_WORDS = re.compile(
    r"\b(?:diagram|diagramm|diagrama|diagramme|schem[ae]|schéma|schaubild|organigram\w*|concept(?:ual)? map|mind ?map"
    r"|flow ?chart|work ?flow|org(?:anization)? chart|architecture (?:of|for|overview)|block diagram|timeline"
    r"|state machine|decision tree|data ?flow|er model|uml|infographic)s?\b"
    r"|图表|示意图|流程图|架构图|図解|ダイアグラム|フローチャート|다이어그램|схема|диаграмма|مخطط|आरेख",
    re.IGNORECASE,
)


def wants_diagram(prompt: str) -> bool:
    """Return whether a prompt asks for a diagram: its words say so, or it joins names with arrows.

    A diagram has names and what joins them, where the text in the image must be sharp.
    """
    return bool(_DIAGRAM_WORDS.search(prompt)) or count_arrows(prompt) >= MIN_ITEMS
