"""What a prompt lists, and the form of diagram that it asks for: steps, layers, or concepts."""

import re
from dataclasses import dataclass

_ARROW = re.compile(r"\s*(?:->|=>|[→⇒⟶])\s*")
_COLON = re.compile("[:\uff1a]\\s*")
_BETWEEN = re.compile(
    r"\s*[,;\u3001\uff0c\uff1b\u060c]\s*(?:and\s+then\s+|then\s+|and\s+)?(?![^(]*\))|\s+(?:and\s+)?then\s+|\s*\n\s*(?:\d+[.)]|[-*])\s*"
)
_LAST_AND = re.compile(r"\s+and\s+(?=\S+(?:\s+\S+){0,3}$)")
_MEMBERS = re.compile(r"^(.*?)\s*\((.*)\)$")
_FLOW = re.compile(r"\b(?:flow ?charts?|flows?|workflows?|steps?|process|sequence)\b", re.IGNORECASE)
_LAYERS = re.compile(r"\b(?:layers?|layered|stack|tiers?|architecture)\b", re.IGNORECASE)
_CLAUSE = re.compile("[.,;:!?\n\u2192\u3001\u3002\u060c\u061b\u061f\uff01\uff0c\uff1a\uff1b\uff1f]|->")
_MOST_ITEM = 60
FEWEST = 2


@dataclass(frozen=True, slots=True)
class Item:
    """One of a list: its name, and in brackets behind it what belongs to it."""

    name: str
    members: tuple[str, ...] = ()


def style(prompt: str) -> str:
    """The form that the prompt's words ask for."""
    if _LAYERS.search(prompt):
        return "layers"
    return "flow" if _FLOW.search(prompt) or arrows(prompt) >= FEWEST else "map"


def arrows(prompt: str) -> int:
    """How many arrows it has."""
    return len(_ARROW.findall(prompt))


def listed(prompt: str) -> tuple[str, list[Item]]:
    """What the prompt's list is of (before its colon), and its items; none when it lists nothing."""
    head, rest = _parted(prompt)
    steps = _ARROW.split(rest)
    if len(steps) < FEWEST and head:
        steps = _BETWEEN.split(rest)
        steps = [*steps[:-1], *_LAST_AND.split(steps[-1])]
    items = [step.strip(" .!?\n\u3002") for step in steps]
    items = [re.sub(r"^(?:first|finally|and|then|\d+[.)])\s+", "", item, flags=re.IGNORECASE) for item in items if item]
    if len(items) < FEWEST or any(len(item) > _MOST_ITEM for item in items):
        return "", []
    return head, [_item(item) for item in items]


def _parted(prompt: str) -> tuple[str, str]:
    """What stands before the first colon, and behind it."""
    colon = _COLON.search(prompt)
    if colon is None:
        return "", prompt
    return prompt[: colon.start()].strip(), prompt[colon.end() :]


def _item(text: str) -> Item:
    found = _MEMBERS.match(text)
    if not found:
        return Item(text)
    return Item(found[1], tuple(part.strip() for part in re.split("[,;\u3001\uff0c]", found[2]) if part.strip()))


def clauses(text: str) -> list[Item]:
    """The parts of a text between its punctuation marks, in any script."""
    return [Item(part.strip()) for part in _CLAUSE.split(text) if part.strip()]
