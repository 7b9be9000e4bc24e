"""Quote an excerpt: whole where it is short, else the part that answers, with what it needs to be understood."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from textwrap import dedent

from ...excerpts import MAX_EXCERPT, RUNNING_KINDS, Excerpt
from ...passages import Chunk
from ...text_analysis import is_content_word, split_sentences, split_words
from .question import Question

MAX_ANSWER = 400
"""Characters of all quotations of an answer together."""
_MAX_QUOTATION = MAX_ANSWER - len(" [50]")
_PARAGRAPH_END = "\n\n"
_PREFIX = 5
"""Letters by which the forms of a word are compared."""
_LONG_RECORD = 240
"""Characters of a record, above which the fields that the question does not ask for are left out."""
_PRONOUN = re.compile(
    r"(?:It|He|She|They|This|These|That|Its|Their|Er|Sie|Es|Dies|Diese[rs]?|Il|Elle|Ils|Elles|Cela|Él|Ella|Ellos|Esto)\b"
)
"""Words that stand for a name in the sentence before."""
_MARKUP = re.compile(
    r"(`+)(?P<code>.+?)\1"
    r"|\s*\[(?:(?:note |nb )?\d{1,3}|edit|vague|(?:by )?wh(?:o|om|en|ere|ich)\?|[a-z]+ needed)\]"
    r"|(?<![0-9A-Za-z_])(?:\*\*|__)(?=\S)|(?<=\S)(?:\*\*|__)(?![0-9A-Za-z_])",
    re.IGNORECASE,
)
"""Marks of code, whose text stays as it is; a document's references to its own sources, which would be read as
citations, and remarks of its editors; marks of emphasis, which do not stand between letters as in ``a**b``."""
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")


@dataclass(frozen=True, slots=True)
class Quotation:
    """An excerpt as an answer quotes it.

    Attributes:
        text: The text to quote.
        position: Position of the passage among the passages, from 0.
        score: How well the excerpt answers; larger is better.
        chunk: The chunk that the excerpt comes from.
        excerpt: The excerpt.
        label: What the quotation is about, where its text does not say so; empty for nothing.
        share: Share of the question's words in the excerpt and above it.
        stems: Stems of the question.
    """

    text: str
    position: int
    score: float
    chunk: Chunk
    excerpt: Excerpt
    label: str = ""
    share: float = 0.0
    stems: frozenset[str] = frozenset()

    @property
    def is_running(self) -> bool:
        """Whether the excerpt is a sentence of running text."""
        return self.excerpt.kind in RUNNING_KINDS


def join_quotations(quotations: Sequence[Quotation]) -> Iterator[str]:
    """Yield the pieces of an answer: each quotation with its label and the number of its passage."""
    separator = " · " if any(quotation.label for quotation in quotations) else " "
    for number, quotation in enumerate(quotations):
        label = f"{quotation.label}: " if quotation.label else ""
        yield f"{separator * bool(number)}{label}{quotation.text} [{quotation.position + 1}]"


def add_antecedents(quotations: Sequence[Quotation]) -> list[Quotation]:
    """Return the quotations of an answer, after the sentence before where one begins with a pronoun and both fit."""
    room = MAX_ANSWER - sum(len(piece) for piece in join_quotations(quotations))
    texts = " ".join(quotation.text for quotation in quotations)
    completed: list[Quotation] = []
    for quotation in quotations:
        antecedent = _find_antecedent(quotation)
        if antecedent and antecedent not in texts and len(antecedent) < room:
            room -= len(antecedent) + 1
            completed.append(replace(quotation, text=f"{antecedent} {quotation.text}"))
        else:
            completed.append(quotation)
    return completed


def add_following(quotations: Sequence[Quotation]) -> list[Quotation]:
    """Return the quotations of an answer, the first with the sentence that follows it where that fits."""
    first, *others = quotations
    if not first.is_running:
        return list(quotations)
    room = MAX_ANSWER - sum(map(len, join_quotations(quotations)))
    end = first.excerpt.start + len(first.excerpt.text)
    rest = first.chunk.text[end:].partition(_PARAGRAPH_END)[0]
    following = next((_clean(sentence.text) for sentence in split_sentences(rest)), "")
    texts = " ".join(quotation.text for quotation in quotations)
    if not following or following.endswith("?") or following in texts or len(following) >= room:
        return list(quotations)
    return [replace(first, text=f"{first.text} {following}"), *others]


def _find_antecedent(quotation: Quotation) -> str:
    """Return the sentence before one that begins with a pronoun; empty where there is none."""
    if not quotation.is_running or not _PRONOUN.match(quotation.text):
        return ""
    above = quotation.chunk.text[: quotation.excerpt.start].rpartition(_PARAGRAPH_END)[2]
    before = [part.text for part in split_sentences(above)]
    return _clean(before[-1]) if before and not before[-1].endswith("?") else ""


def quote_excerpt(quotation: Quotation, question: Question) -> Quotation:
    """Return a quotation with the text of its excerpt.

    Args:
        quotation: A quotation without a text.
        question: The question that it answers.
    """
    chosen = _choose_text(quotation, question)
    text = _fit(dedent(chosen).strip() if quotation.excerpt.kind == "code" else _clean(chosen))
    heading = quotation.chunk.heading.rpartition(" > ")[2]
    needed = question.identifiers - frozenset(split_words(text))
    is_named = needed & frozenset(split_words(heading))
    return replace(quotation, text=_fit(f"{heading}: {text}") if is_named else text)


def _choose_text(quotation: Quotation, question: Question) -> str:
    excerpt = quotation.excerpt
    if question.kind == "procedure" and excerpt.whole_list:
        return excerpt.whole_list
    if excerpt.kind in {"table", "fields"}:
        return _choose_fields(excerpt.text, quotation.stems, question)
    if excerpt.kind == "code":
        return _choose_lines(excerpt.text, question)
    if question.kind == "procedure" and excerpt.kind == "paragraph":
        return _choose_passage(quotation)
    return excerpt.text


def _choose_fields(record: str, stems: frozenset[str], question: Question) -> str:
    """Return a record without the fields that the question does not ask for, where it is long.

    The first field, which names the record, stays.
    """
    if len(record) <= _LONG_RECORD:
        return record
    fields = record.split("; ")
    chosen = [fields[0]]
    for field in fields[1:]:
        words = split_words(field)
        is_wanted = not {word[:_PREFIX] for word in words}.isdisjoint({stem[:_PREFIX] for stem in stems})
        if is_wanted or question.identifiers & frozenset(words):
            chosen.append(field)
    return "; ".join(chosen) if len(chosen) > 1 else record


def _choose_lines(code: str, question: Question) -> str:
    """Return the lines of code from the one that shares most with the question, as far as they fit."""
    lines = code.split("\n")
    beginnings = {word[:_PREFIX] for word in split_words(question.subject) if is_content_word(word, question.language)}

    def count_shared(line: str) -> int:
        return len(beginnings & {word[:_PREFIX] for word in split_words(line)})

    best = max(range(len(lines)), key=lambda number: (count_shared(lines[number]), -number))
    chosen: list[str] = []
    for line in lines[best:] if len(code) > MAX_ANSWER else lines:
        if chosen and len(" ".join([*chosen, line])) > MAX_ANSWER - 1:
            break
        chosen.append(line)
    return "\n".join(chosen)


def _choose_passage(quotation: Quotation) -> str:
    """Return the sentences from the start of the excerpt's paragraph, as far as they fit and reach the excerpt."""
    text, start = quotation.chunk.text, quotation.excerpt.start
    block = next((b for b in quotation.chunk.blocks if b.start <= start < b.end), None)
    paragraph = text[block.start : block.end] if block else text
    if len(paragraph) <= MAX_EXCERPT:
        return paragraph
    following = text[start : block.end if block else None]
    chosen = ""
    for sentence in split_sentences(following):
        if chosen and len(chosen) + len(sentence.text) + 1 > MAX_EXCERPT:
            break
        chosen = f"{chosen} {sentence.text}".strip()
    return chosen or quotation.excerpt.text


def _clean(text: str) -> str:
    """Return text on one line without markup and without the document's own references."""
    return " ".join(_MARKUP.sub(lambda match: match["code"] or "", _LINK.sub(r"\1", text)).split())


def _fit(text: str) -> str:
    """Return ``text``, cut before a word where it is longer than an answer may be."""
    return text if len(text) <= _MAX_QUOTATION else text[: _MAX_QUOTATION - 1].rsplit(" ", 1)[0] + "…"
