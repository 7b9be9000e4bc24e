"""Make labels of a document's words: whole phrases, without markup, as long as a box can show."""

import re

from .part_of_speech import strip_markup

MAX_LABEL = 70
"""Characters of a node's label."""
_MIN_LABEL = 12
"""Characters that a shortened label keeps at least."""
_CLAUSE_END = re.compile(
    r"[.;:,!?]\s|\s[(–—]|\s-\s|\s(?:and|or|but|so|because|since|if|when|until|unless|while|before|after|that|which|who"
    r"|und|oder|aber|weil|wenn|bis|damit|dass|sowie|et|ou|mais|que|qui|quand|y|o|pero|cuando)\s"
)
_PHRASE_END = re.compile(
    r"\s(?:with|from|in|on|at|of|for|to|by|into|through|during|over|under|as|than|via|per|using|mit|von|im|am|an|auf|für|zu|zum"
    r"|zur|bei|aus|nach|durch|avec|dans|de|du|des|sur|pour|par|con|en|del|para|por)\s"
)
_MAX_TITLE = 90
_EDGES = " \t.,;:!?-–—"
_SPACE = re.compile(r"\s+")
_BRACKETS = re.compile(r"\s*\([^()]*\)")


def make_label(text: str, limit: int = MAX_LABEL) -> str:
    """Return ``text`` as a label: on one line without markup, and cut after a whole clause or phrase where it is long.

    Args:
        text: Words of a document.
        limit: Largest number of characters.
    """
    label = _SPACE.sub(" ", strip_markup(text)).strip(_EDGES)
    if len(label) > limit:
        label = _BRACKETS.sub("", label)
    if len(label) <= limit:
        return label
    for pattern in (_CLAUSE_END, _PHRASE_END):
        ends = [match.start() for match in pattern.finditer(label, 0, limit + 1) if match.start() >= _MIN_LABEL]
        if ends:
            return label[: ends[-1]].strip(_EDGES)
    return label[: limit + 1].rpartition(" ")[0].strip(_EDGES) or label[:limit]


def make_title(text: str) -> str:
    """Return ``text`` as the title of a diagram."""
    short = text if len(text) <= _MAX_TITLE else text[: _MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"
    return short[:1].title() + short[1:]


def capitalize(phrase: str) -> str:
    """Capitalize ``phrase``, unless it is a name that is written otherwise."""
    is_plain_word = phrase.replace(" ", "").replace("-", "").isalpha()
    return phrase[:1].title() + phrase[1:] if is_plain_word and phrase.islower() else phrase
