"""Tell apart what documents of several years or versions say about one subject."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ...passages import Chunk
from ...text_analysis import split_words
from .question import Question
from .quotation import MAX_ANSWER, Quotation

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_VERSION = re.compile(r"\bv(?:ersion)?[ .-]?(\d+(?:\.\d+)*)\b", re.IGNORECASE)
_DATE_TAG = re.compile(r"(?:date|datum|year|jahr|version|valid_from|gültig_ab|updated)=(.*)", re.IGNORECASE)
_MIN_SIMILARITY = 0.5
_LABEL_LENGTH = 8
"""Characters that a label, its separator and a citation take."""


def find_version(chunk: Chunk) -> str:
    """Return the year or the version number of a chunk's document; empty when it names none.

    The dates among the tags go before the name, the title and the heading.
    """
    dates = [match[1] for tag in chunk.tags if (match := _DATE_TAG.fullmatch(tag))]
    for text in (*dates, chunk.source.rpartition("/")[2], chunk.title, chunk.heading, chunk.source):
        years = _YEAR.findall(text)
        if years:
            return str(max(years))
        version = _VERSION.search(text)
        if version:
            return version[1]
    return ""


def label_versions(question: Question, ranked: Sequence[Quotation], limit: int) -> list[Quotation]:
    """Return the quotations of several versions that say the same thing otherwise, the newest first, with labels.

    Args:
        question: The question.
        ranked: The quotations, best first.
        limit: Largest number of quotations.

    Returns:
        Quotations of different versions; empty when the best quotation has no counterpart in another version. The
        newest alone when the question asks for what holds now.
    """
    versions = [find_version(quotation.chunk) for quotation in ranked]
    if not versions[0] or question.identifiers & set(versions):
        return []
    by_version = {versions[0]: ranked[0]}
    for version, quotation in zip(versions[1:], ranked[1:], strict=True):
        if version and version not in by_version and _says_the_same(ranked[0], quotation):
            by_version[version] = quotation
    if len(by_version) == 1:
        return []
    newest_first = sorted(by_version, key=_order_of, reverse=True)[:limit]
    if question.wants_latest or len({by_version[version].text for version in newest_first}) == 1:
        return [by_version[newest_first[0]]]
    chosen: list[Quotation] = []
    length = 0
    for version in newest_first:
        quotation = by_version[version]
        length += len(quotation.text) + _LABEL_LENGTH
        if length <= MAX_ANSWER or not chosen:
            chosen.append(replace(quotation, label=version))
    return chosen


def _order_of(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _says_the_same(first: Quotation, second: Quotation) -> bool:
    """Return whether two excerpts of one kind have most of their words without digits in common."""
    if first.excerpt.kind != second.excerpt.kind:
        return False
    words, other_words = (_plain_words(quotation.excerpt.text) for quotation in (first, second))
    return len(words & other_words) >= _MIN_SIMILARITY * len(words | other_words)


def _plain_words(text: str) -> frozenset[str]:
    return frozenset(word for word in split_words(text) if not any(character.isdigit() for character in word))
