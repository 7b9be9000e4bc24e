"""Tag the words of a sentence by the part that they play: in a noun phrase, as a verb, as a preposition, or none.

Words are tagged by textblob's copy of the Brill tagger (Brill, 1992), which needs no download; its tags are those of
the Penn Treebank. The tagger is written for English: words of other languages count as nouns.
"""

import re
import threading
from collections.abc import Iterator
from enum import Enum, auto
from itertools import pairwise

from textblob.en import tag

_TAGGER_LOCK = threading.Lock()  # the first use loads the lexicon, which no other thread may see half loaded
_MARKUP = re.compile(
    r"[`*]{1,3}(?=\S)|(?<=\S)[`*]{1,3}|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)"  # no underscore inside a word
    r"|\[\d+\]|!?\[([^\[\]]*)\]\((?:[^()]|\([^()]*\))*\)"
)
_NEGATION = re.compile(r"\b(can|won|shan|\w{1,10}n)['\u2019]t\b", re.IGNORECASE)
_IRREGULAR_NEGATIONS = {"can": "cannot", "won": "will not", "shan": "shall not"}
_ARROW = re.compile(r"(->|→|=>|:(?=\s))")
_MAX_WORD = 80
"""Characters of a word that are read: no box shows more, and the tagger's time grows with the square of the length."""
_SENTENCE_ENDS = {".", ";", "!", "?", "\N{EN DASH}", "\N{EM DASH}"}
_NOUNS = {"NN", "NNS", "NNP", "NNPS", "CD", "FW"}
_ADJECTIVES = {"JJ", "JJR", "JJS"}
_PARTICIPLES = {"VBG", "VBN"}
_FINITE = {"VBD", "VBP", "VBZ"}
_VERBS = {"VB", "MD", "TO", "RP"} | _FINITE | _PARTICIPLES
_PHRASE_LEADS = {"IN", "DT", "PRP$", "TO"} | _ADJECTIVES
_RELATIVE = {"that", "which", "who", "whose", "whom", "unless", "if", "because", "since", "although", "while"}

TaggedWords = list[tuple[str, str]]


class Part(Enum):
    """The part that a word plays."""

    PHRASE = auto()
    FINITE = auto()
    VERB = auto()
    PREPOSITION = auto()
    AND = auto()
    ARROW = auto()
    END = auto()
    NONE = auto()


_BY_WORD = (
    dict.fromkeys(("not", "never", "n't", "cannot"), Part.VERB)  # a negation belongs to the statement
    | dict.fromkeys(("so", "but", "then"), Part.END)
    | dict.fromkeys(
        ("be", "been", "being", "will", "would", "can", "could", "may", "might", "must", "shall", "should"), Part.NONE
    )
)
_BY_TAG = (
    dict.fromkeys(_VERBS, Part.VERB)
    | dict.fromkeys(_FINITE, Part.FINITE)
    | dict.fromkeys((".", "WP", "WRB", "PRP"), Part.END)
    | dict.fromkeys((",", "CC"), Part.AND)
    | {"IN": Part.PREPOSITION, "->": Part.ARROW}
)


def strip_markup(text: str) -> str:
    """Return ``text`` without Markdown marks and citations."""
    return " ".join(_MARKUP.sub(r"\1", text).split())


def expand_negations(text: str) -> str:
    """Return ``text`` with "do not" for "don't", which the tagger would cut at the apostrophe."""
    return _NEGATION.sub(lambda match: _IRREGULAR_NEGATIONS.get(match[1].lower(), f"{match[1][:-1]} not"), text)


def tag_parts(text: str) -> list[tuple[str, Part]]:
    """Tag the words of ``text``; an arrow or a colon is an ARROW, the end of a clause an END."""
    tagged: TaggedWords = []
    short = " ".join(word[:_MAX_WORD] for word in expand_negations(strip_markup(text)).split())
    for number, piece in enumerate(_ARROW.split(short)):
        if number % 2:  # the separator that the pattern captured
            tagged.append((piece, "->"))
        else:
            with _TAGGER_LOCK:
                words = tag(piece, tokenize=True)
            tagged += [_correct_tag(word, kind) for word, kind in words]
    for (position, (word, kind)), (_, following) in pairwise(enumerate(tagged)):
        if kind == "NNS" and following[1] in {"DT", "PRP$"}:  # "LangChain cuts the documents": a verb, not a plural
            tagged[position] = (word, "VBZ")
    words_with_parts = [(word, _choose_part(position, tagged)) for position, (word, _) in enumerate(tagged)]
    return list(_end_at_relative_clauses(words_with_parts))


def _end_at_relative_clauses(words_with_parts: list[tuple[str, Part]]) -> Iterator[tuple[str, Part]]:
    """End a statement at "that" and the like: a relative clause is true for some of its subjects only."""
    relative = False
    for word, part in words_with_parts:
        relative = part not in {Part.AND, Part.END} and (relative or word.lower() in _RELATIVE)
        yield word, Part.END if relative else part


def _choose_part(position: int, tagged: TaggedWords) -> Part:
    word, kind = tagged[position][0].lower(), tagged[position][1]
    if _is_in_phrase(position, tagged):
        return Part.PHRASE
    if _starts_clause(position, tagged):
        return Part.END
    return _BY_WORD.get(word, _BY_TAG.get(kind, Part.NONE))


def _correct_tag(word: str, kind: str) -> tuple[str, str]:
    """Return the tag of a name that the tagger takes for an adjective or verb ("GPT-4"), or the other way round."""
    if not any(character.isalnum() for character in word):
        return word, "." if word in _SENTENCE_ENDS else word
    if "-" in word and kind in _PARTICIPLES | _FINITE:
        return word, "JJ"
    is_name = any(map(str.isdigit, word)) or not word[1:].islower()
    return word, "NNP" if is_name and word[1:] and kind in _ADJECTIVES | _VERBS and word.lower() != "to" else kind


def _is_in_phrase(position: int, tagged: TaggedWords) -> bool:
    """Return whether the word belongs to a noun phrase: a noun, a word before one, or the "of" between two."""
    word, kind = tagged[position][0].lower(), tagged[position][1]
    previous_tag = tagged[position - 1][1] if position else "IN"
    if kind in _NOUNS:
        return True
    if word == "of":
        return previous_tag in _NOUNS and _noun_follows(position, tagged)
    leads = kind in _ADJECTIVES or (kind in _PARTICIPLES and previous_tag in _PHRASE_LEADS and word != "using")
    return leads and _noun_follows(position, tagged)


def _noun_follows(position: int, tagged: TaggedWords) -> bool:
    """Return whether a noun comes next, after adjectives and articles at most."""
    for _, kind in tagged[position + 1 : position + 4]:
        if kind in _NOUNS:
            return True
        if kind not in _ADJECTIVES | {"DT", "VBN", "CC", "PRP$"}:
            return False
    return False


def _starts_clause(position: int, tagged: TaggedWords) -> bool:
    """Return whether ", and" starts a clause; in a list ("a, b, and c") a comma came shortly before."""
    if position < 1 or tagged[position][1] != "CC" or tagged[position - 1][0] != ",":
        return False
    return "," not in [word for word, _ in tagged[max(0, position - 5) : position - 1]]
