"""Sentences as statements: noun phrases and the verb or preposition that joins them.

Words are tagged by textblob's copy of the Brill tagger (Brill, 1992), which needs no download; what follows is
a chunker over its tags. It is written for English: words of another language count as nouns.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

from textblob.en import tag

_MARKUP = re.compile(r"[`*_]{1,3}(?=\S)|(?<=\S)[`*_]{1,3}|\[\d+\]|!?\[([^\]]*)\]\([^)]*\)")
_NOUNS = {"NN", "NNS", "NNP", "NNPS", "CD", "FW"}
_ADJECTIVES = {"JJ", "JJR", "JJS"}
_SKIPPED = {"DT", "PRP$", "RB", "RBR", "RBS", "PDT", "UH", "EX", "POS"}
_VERBS = {"VB", "VBD", "VBG", "VBN", "VBP", "VBZ", "MD", "TO", "RP"}
_AUXILIARIES = {"be", "been", "being", "will", "would", "can", "could", "may", "might", "must", "shall", "should"}
_FINITE = {"VBD", "VBP", "VBZ"}
_ARROW = re.compile(r"(->|→|=>|:(?=\s))")
_MOST_WORDS = 5


@dataclass(frozen=True, slots=True)
class Statement:
    """Two noun phrases and what joins them; an empty relation is a plain arrow."""

    subject: str
    relation: str
    object: str


@dataclass(slots=True)
class _Group:
    """Phrases that stand side by side ("water and light"), and the words that lead to the next group."""

    phrases: list[str] = field(default_factory=list)
    verb: list[str] = field(default_factory=list)
    preposition: list[str] = field(default_factory=list)
    ends: bool = False

    @property
    def relation(self) -> str:
        return " ".join([*self.verb, *self.preposition][-4:])


def plain(text: str) -> str:
    """``text`` without Markdown marks and citations."""
    return " ".join(_MARKUP.sub(r"\1", text).split())


def phrases(text: str) -> list[str]:
    """The noun phrases of ``text``, in order."""
    return [phrase for group in _groups(text) for phrase in group.phrases]


def statements(text: str) -> Iterator[Statement]:
    """What ``text`` says, one statement for each pair of phrases that a verb or preposition joins."""
    last_verb, subjects = [""], []
    for group, following in pairwise([group for group in _groups(text) if group.phrases]):
        if group.verb or not subjects:
            subjects, last_verb = group.phrases, group.verb
        if group.ends:
            subjects = []
            continue
        carried = not group.verb and len(group.phrases) > 1 and subjects is not group.phrases
        left = subjects if carried else group.phrases
        relation = " ".join([*last_verb[-1:], *group.preposition]) if carried else group.relation
        for subject, thing in product(left, following.phrases):
            if subject.lower() != thing.lower():
                yield Statement(subject, relation, thing)


def _groups(text: str) -> list[_Group]:
    """The text cut into groups of phrases and the relations between them."""
    tagged = _tagged(text)
    groups: list[_Group] = [_Group()]
    phrase: list[str] = []

    def close() -> None:
        if phrase:
            if groups[-1].verb or groups[-1].preposition or groups[-1].ends:
                groups.append(_Group())
            groups[-1].phrases.append(" ".join(phrase[-_MOST_WORDS:]))
            phrase.clear()

    for position, (word, kind) in enumerate(tagged):
        if _in_phrase(position, tagged, started=bool(phrase)):
            phrase.append(word)
        elif word.lower() == "of" and phrase and len(phrase) < _MOST_WORDS - 1 and _noun_follows(position, tagged):
            phrase.append(word)
        else:
            _trim(phrase)
            close()
            _relate(groups[-1], word, kind)
    _trim(phrase)
    close()
    return groups


def _relate(group: _Group, word: str, kind: str) -> None:
    """Takes a word that stands between phrases into what ``group`` leads to."""
    if kind == "->":
        group.preposition.append("")
    elif kind in {".", "WP", "WRB", "PRP"}:
        group.ends = True
    elif not group.phrases or kind == "WDT":
        return
    elif kind in _VERBS and word.lower() not in _AUXILIARIES:
        if kind in _FINITE and group.verb:
            group.verb.clear()  # "a stage that fails fills its error": the last finite verb is the sentence's own
        group.verb.append(word)
    elif kind == "IN" or word.lower() in {"to", "as", "than"}:
        group.preposition.append(word.lower())


def _tagged(text: str) -> list[tuple[str, str]]:
    """Words with their tags; an arrow or a colon is tagged "->", what ends a clause "."."""
    words: list[tuple[str, str]] = []
    for piece in _ARROW.split(plain(text)):
        if _ARROW.fullmatch(piece):
            words.append((piece, "->"))
        else:
            words += [_corrected(word, kind) for word, kind in tag(piece, tokenize=True)]
    return [(word, "." if _starts_clause(n, words) else kind) for n, (word, kind) in enumerate(words)]


def _corrected(word: str, kind: str) -> tuple[str, str]:
    """What the tagger takes for an adjective or verb but is a name ("GPT-4"), or the other way round."""
    if not any(character.isalnum() for character in word):
        return word, "." if word in {".", ";", "!", "?", "–", "—"} else "SYM"
    if word.lower() == "that":
        return word, "WDT"
    if "-" in word and kind in {"VBN", "VBG", "VBD"}:
        return word, "JJ"
    if kind in _ADJECTIVES | _VERBS and (any(map(str.isdigit, word)) or (len(word) > 2 and not word[1:].islower())):
        return word, "NNP"
    return word, kind


def _starts_clause(position: int, words: list[tuple[str, str]]) -> bool:
    """Whether ", and" begins a clause; in a list ("a, b, and c") a comma came shortly before."""
    if position < 1 or words[position][1] != "CC" or words[position - 1][0] != ",":
        return False
    return "," not in [word for word, _ in words[max(0, position - 5) : position - 1]]


def _in_phrase(position: int, tagged: list[tuple[str, str]], *, started: bool) -> bool:
    """Whether the word belongs to a noun phrase: a noun, or what stands before one."""
    word, kind = tagged[position]
    if kind in _NOUNS:
        return True
    if kind in _ADJECTIVES:
        return _noun_follows(position, tagged)
    before = tagged[position - 1][1] if position else "IN"
    leads = before in {"IN", "DT", "PRP$", "TO", *_ADJECTIVES} and not (started and kind == "VBG")
    return kind in {"VBG", "VBN"} and leads and _noun_follows(position, tagged) and word.lower() != "using"


def _noun_follows(position: int, tagged: list[tuple[str, str]]) -> bool:
    """Whether a noun comes next, behind adjectives and articles at most."""
    for _, kind in tagged[position + 1 : position + 4]:
        if kind in _NOUNS:
            return True
        if kind not in _ADJECTIVES | {"DT", "VBN", "CC", "PRP$"}:
            return False
    return False


def _trim(phrase: list[str]) -> None:
    """Takes a dangling "of" off the end."""
    while phrase and phrase[-1].lower() == "of":
        phrase.pop()
