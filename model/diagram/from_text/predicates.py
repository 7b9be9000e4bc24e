"""Extract from a sentence of a document what it says about its subject: subject, verb, and the phrases after it.

Only the plain pattern is read: a sentence that begins with its subject, then has a finite verb. What comes after the
verb up to the end of the clause is one label in the document's words; of a long enumeration each phrase is one.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from .labels import MAX_LABEL, make_label
from .part_of_speech import Part, tag_parts
from .statements import Statement

_MAX_RELATION_WORDS = 6
_MAX_SUBJECT_WORDS = 8
_MAX_OBJECTS = 4
_MAX_CLAUSE_WORDS = 60
"""Words after a verb that are read; no label shows more."""
_MAX_OBJECT_WORDS = 4
"""Words of a phrase in an enumeration whose phrases are labels of their own."""
_MIN_STEPS = 3
_ARTICLES = frozenset({"a", "an"})
_DETERMINERS = _ARTICLES | {"the", "its", "their", "his", "her", "this", "these", "that", "those"}
_POINTERS = frozenset({"this", "these", "that", "those", "such", "its", "their", "his", "her", "there"})
"""Words at the start of a sentence that point to the one before, without which it says nothing."""
_VERB_PARTS = frozenset({Part.FINITE, Part.VERB})
_AUXILIARIES = frozenset(
    {"is", "are", "was", "were", "has", "have", "had", "be", "been", "being", "can", "could", "may"}
)
_ADVERBS = frozenset({"well", "so", "as", "just", "also", "too", "to", "there", "here", "away", "back"})
_QUANTIFIERS = frozenset({"some", "many", "most", "all", "several", "few", "both", "each", "every", "no"})
_PHRASE_PARTS = frozenset({Part.PHRASE, Part.PREPOSITION, Part.NONE})
_SPACE_BEFORE_MARK = re.compile(r"\s+([,;:)%])")
_SPACE_AFTER_BRACKET = re.compile(r"\(\s+")
_DATE_BEFORE = re.compile(r"(?:In|On|Since|By|From|During)\s(?:[^,]{0,20}\d[^,]{0,12},|(?:1|20)\d{2,3})\s+")
"""A date at the start of a sentence, which is true without it."""

TaggedParts = Sequence[tuple[str, Part]]


def extract_predicates(sentence: str) -> Iterator[Statement]:
    """Yield what a sentence says about the phrase that it begins with; nothing for a sentence of another form."""
    parts: TaggedParts = tag_parts(_DATE_BEFORE.sub("", sentence))
    if parts and parts[0][0].lower() in _POINTERS:
        return
    parts = _skip_determiners(parts)
    subject = list(takewhile(_belongs_to_subject, parts))
    while subject and subject[-1][1] is not Part.PHRASE and not subject[-1][0][0].isupper():
        subject.pop()
    relation, rest = _split_relation(parts[len(subject) :])
    is_named = bool(subject) and (subject[0][1] is Part.PHRASE or subject[0][0].lower() in _QUANTIFIERS)
    is_named = is_named and len(subject) <= _MAX_SUBJECT_WORDS
    if not is_named or not 0 < len(relation) <= _MAX_RELATION_WORDS:
        return
    for phrase in _split_objects(rest):
        if label := make_label(phrase):
            yield Statement(_join(subject), " ".join(relation), label)


def _belongs_to_subject(tagged: tuple[str, Part]) -> bool:
    """Return whether a word may belong to the subject: a name such as "Model Serving" does, whatever its tag."""
    word, part = tagged
    return part is Part.PHRASE or (
        word.lower() not in _AUXILIARIES and (part in _PHRASE_PARTS or (word[0].isupper() and word.endswith("ing")))
    )


def extract_steps(sentence: str) -> list[str]:
    """Return what the subject of a sentence does one after the other, where that is three things or more.

    "The run builds the index, logs the model and verifies it" gives each verb with its object.
    """
    clauses: list[list[tuple[str, Part]]] = [[]]
    for word, part in tag_parts(sentence):
        if part is Part.AND:
            clauses.append([])
        elif part is not Part.END or word not in {".", "!", "?"}:
            clauses[-1].append((word, part))
    clauses = [clause for clause in clauses if clause]
    if not clauses:
        return []
    first, *others = clauses
    verb = next((position for position, (_, part) in enumerate(first) if part is Part.FINITE), 0)
    steps = [first[verb:]] if verb else []
    for clause in others:
        if clause[0][0].endswith("s") or clause[0][1] is Part.FINITE:
            steps.append(clause)
        elif steps:
            steps[-1] = [*steps[-1], (",", Part.AND), *clause]
    return [make_label(_join(step)) for step in steps] if len(steps) >= _MIN_STEPS else []


def _split_relation(parts: TaggedParts) -> tuple[list[str], TaggedParts]:
    """Return the words of the verb with the preposition after it, and what follows; no words without a finite verb."""
    words: list[str] = []
    is_finite = False
    for position, (word, part) in enumerate(parts):
        if part is Part.PREPOSITION and is_finite:
            return [*words, word], _skip_determiners(parts[position + 1 :])
        is_verb = part in _VERB_PARTS or word.lower() in _AUXILIARIES
        is_adverb = part is Part.NONE and word.isalpha() and word.lower() not in _DETERMINERS
        if not is_verb and not is_adverb:
            break
        is_base_form = position == 0 and word.lower() != "to" and not word.endswith(("ing", "ed"))
        is_finite = is_finite or part is Part.FINITE or is_base_form or word.lower() in _AUXILIARIES
        words.append(word)
    else:
        return [], []
    rest = parts[len(words) :]
    article = [rest[0][0]] if rest and rest[0][0].lower() in _ARTICLES else []
    return ([*words, *article] if is_finite else []), _skip_determiners(rest)


def _split_objects(parts: TaggedParts) -> Iterator[str]:
    """Yield the phrase after the verb; where that is an enumeration that no label can hold, each of its phrases."""
    clauses = _split_clauses(parts)
    text = _join([word for clause in clauses for word in clause])
    phrases = [clause for clause in clauses if clause[0][1] is not Part.AND]
    is_list = len(phrases) > 1 and all(_is_short_phrase(clause) for clause in phrases[:_MAX_OBJECTS])
    if len(text) <= MAX_LABEL or not is_list:
        yield _join(_shorten([word for clause in clauses for word in clause]))
        return
    for clause in phrases[:_MAX_OBJECTS]:
        yield _join(_skip_determiners(clause))


def _shorten(parts: TaggedParts) -> TaggedParts:
    """Return the words up to the last end of a phrase that a label can hold; none where there is no phrase."""
    for end in range(min(len(parts), MAX_LABEL), 0, -1):
        word, part = parts[end - 1]
        is_number = word[0].isdigit()
        is_phrase_end = (part is Part.PHRASE and word.lower() != "of") or (is_number and end == len(parts))
        is_inside = end < len(parts) and (parts[end][1] is Part.PHRASE or parts[end][0][0].isdigit())
        if is_phrase_end and not is_inside and len(_join(parts[:end])) <= MAX_LABEL:
            return parts[:end]
    return []


def _split_clauses(parts: TaggedParts) -> list[TaggedParts]:
    """Return the words up to the end of the clause in turns: a phrase, the words that join it to the next, a phrase."""
    clauses: list[list[tuple[str, Part]]] = []
    if not parts or parts[0][1] not in _PHRASE_PARTS or parts[0][0].lower() in _ADVERBS:
        return []
    for position, (word, part) in enumerate(parts[:_MAX_CLAUSE_WORDS]):
        if part is Part.FINITE:
            return []  # the verb before was none, or the clause has two
        is_end = part in {Part.END, Part.ARROW}
        following_word = parts[position + 1][0] if position + 1 < len(parts) else ""
        joins_numbers = parts[position - 1][0][-1].isdigit() and following_word[:1].isdigit()
        following = parts[position + 1 : position + _MAX_CLAUSE_WORDS] if part is Part.AND and not joins_numbers else []
        phrase = list(takewhile(lambda tagged: tagged[1] is not Part.AND, following))
        opens_clause = _leads_to_clause(phrase)
        is_after_phrase = word.lower() == "and" and parts[position - 1][1] is not Part.AND
        if opens_clause and is_after_phrase and any(kind is Part.FINITE for _, kind in phrase):
            return []  # "remains in France and England indicate": what comes before may be the subject of the verb
        if is_end or opens_clause:
            break
        if clauses and (clauses[-1][-1][1] is Part.AND) == (part is Part.AND):
            clauses[-1].append((word, part))
        else:
            clauses.append([(word, part)])
    while clauses and (clauses[-1][-1][1] is not Part.PHRASE and not clauses[-1][-1][0][-1:].isdigit()):
        clauses[-1].pop()
        if not clauses[-1]:
            clauses.pop()
    return list(clauses)


def _leads_to_clause(following: TaggedParts) -> bool:
    """Return whether the words after a comma or "and" are a clause or an addition to the sentence, not a phrase."""
    has_verb = any(
        part in {Part.FINITE, Part.END, Part.ARROW} and word not in {".", "!", "?", ";"} for word, part in following
    )
    return has_verb or (bool(following) and following[0][1] in {Part.PREPOSITION, Part.VERB})


def _is_short_phrase(clause: TaggedParts) -> bool:
    words = _skip_determiners(clause)
    is_phrase = (
        bool(words) and words[0][1] is Part.PHRASE and not any(character.isdigit() for character in _join(words))
    )
    return is_phrase and len(words) <= _MAX_OBJECT_WORDS


def _skip_determiners(parts: TaggedParts) -> TaggedParts:
    position = 0
    while position < len(parts) and parts[position][0].lower() in _DETERMINERS:
        position += 1
    return parts[position:]


def _join(tagged: TaggedParts) -> str:
    text = " ".join(word for word, _ in tagged)
    return _SPACE_AFTER_BRACKET.sub("(", _SPACE_BEFORE_MARK.sub(r"\1", text))
