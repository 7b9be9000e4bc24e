"""Complete a follow-up question by the subject of the questions before it, without a language model."""

import re
from collections.abc import Sequence

from ...text_analysis import find_identifiers, is_content_word, split_words
from .question import carries_subject, count_content_words, find_language, find_shape

_OPENING = re.compile(
    r"^\s*(?:(?:and|but|or|so|then|und|oder|aber|et|mais|y|pero)\b[\s,]*)?"
    r"(?:(?:what|how) about|what of|was ist mit|wie (?:ist|sieht) es mit|et pour|qu'en est-il|qué hay de|qué tal)?\s*",
    re.IGNORECASE,
)
"""Words that begin an elliptical question."""
_REFERRING = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|she|him|her|his|hers|there|then|ones?"
    r"|er|ihn|ihm|dessen|deren|dort|dabei|dafür|davon|damit|darin|dieser|diesem|diesen"
    r"|ils?|elles?|celui-ci|celle-ci|cela|ça|él|ella|ellos|ellas|eso|esto|allí)\b",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"(?P<word>in|at|for|on|from|to|with|of|by|after|before|during|für|im|bei|am|nach|mit|von|zu|à|pour|en|dans|de|para|con)"
    r"\s+(?P<object>.+?)\s*\?*\s*$",
    re.IGNORECASE,
)
_PUNCTUATION = ".,;:!?\"'()[]{}¿¡"
_MIN_OWN_SUBJECT = 2
"""Content words up to which a question that begins with "And" takes the subject of the one before."""
_MAX_ELLIPSIS = 4
"""Words of a question that takes everything else from the one before."""


def complete_question(question: str, earlier_questions: Sequence[str]) -> str:
    """Return ``question`` as it stands alone.

    Each earlier question is itself completed by those before it, so that the subject of the conversation stays known.
    An elliptical question ("And in Paris?") takes the place of what it replaces in the question before ("When does the
    office in Graz open?"). Another one that refers to something gets the content words of the question before.

    Args:
        question: The question as the user asked it.
        earlier_questions: The questions before it, oldest first.
    """
    subject = ""
    for earlier in earlier_questions:
        subject = _complete(earlier, subject) if subject else earlier
    return _complete(question, subject) if subject else question


def _complete(question: str, subject: str) -> str:
    """Return ``question``, completed by the question ``subject`` where it cannot stand alone."""
    language = find_language(question)
    opening = _OPENING.match(question)
    rest = question[opening.end() :] if opening else question
    is_elliptical = len(rest.split()) <= _MAX_ELLIPSIS and not _REFERRING.search(rest)
    if is_elliptical and (len(rest) < len(question) or not carries_subject(question, language)):
        replaced = _replace_identifier(rest, subject) or _replace_object(rest, subject)
        if replaced:
            return replaced
    begins_anew = len(rest) == len(question) or count_content_words(question, language) > _MIN_OWN_SUBJECT
    if carries_subject(question, language) and not _REFERRING.search(question) and begins_anew:
        return question
    return _append_subject(question, subject, language)


def _replace_identifier(rest: str, subject: str) -> str:
    """Return ``subject`` with its year, code or number replaced by the one of ``rest``; empty where there is none."""
    words = [word.strip(_PUNCTUATION) for word in rest.split() if find_identifiers(word)]
    for word in words:
        for old in subject.split():
            bare = old.strip(_PUNCTUATION)
            if find_identifiers(old) and bare != word and find_shape(bare) == find_shape(word):
                return subject.replace(bare, word)
    return ""


def _replace_object(rest: str, subject: str) -> str:
    """Return ``subject`` with the end after a preposition replaced by ``rest``, which begins with the same one."""
    phrase = _PREPOSITION.match(rest)
    if phrase is None:
        return ""
    matches = list(re.finditer(rf"\b{re.escape(phrase['word'])}\b\s+", subject, re.IGNORECASE))
    if not matches:
        return ""
    start = matches[-1].end()
    following = subject[start:].split()
    old_length = len(phrase["object"].split())
    kept_words = following[max(old_length, 1) :]
    is_name = following and following[0][:1].isupper() and phrase["object"][:1].isupper()
    end = " ".join(kept_words) if is_name else ""
    return f"{subject[:start]}{phrase['object']} {end}".strip().rstrip("?") + "?"


def _append_subject(question: str, subject: str, language: str) -> str:
    """Return ``question`` with the content words of ``subject`` that it lacks; its own year replaces another one."""
    known_words = set(split_words(question))
    shapes = {find_shape(word.strip(_PUNCTUATION)) for word in question.split() if find_identifiers(word)}
    carried = [
        bare
        for token in subject.split()
        if (bare := token.strip(_PUNCTUATION))
        and any(word not in known_words and is_content_word(word, language) for word in split_words(token))
        and not (find_identifiers(bare) and find_shape(bare) in shapes)
    ]
    return " ".join([question, *carried])
