"""Find in passages the structure that a prompt asks for: a procedure, a chain, a list, a table or a record."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...blocks import BlockSpan, ListItem, parse_fields, parse_list, parse_table
from ...passages import Chunk, Passage
from ...text_analysis import Analyser, split_sentences
from ..graph import MAX_NODES
from .labels import make_label
from .predicates import extract_steps

_ARROW = re.compile(r"->|=>|[→⇒⟶]")
_MIN_CHAIN, _MIN_ENTRIES = 3, 2
_MAX_CHAIN_LABEL = 60
_TIME = re.compile(r"(?:\d{1,2}:\d{2}|\d{4}|\d{1,2}\.\s?\w+|\d{4}-\d\d(?:-\d\d)?)\b.*")
"""A time or a date at the start of a cell."""
_NAMED_ITEM = re.compile(r"(?:\*\*|__)?(?P<name>[^:*_]{2,40})(?:\*\*|__)?:(?:\*\*|__)?\s+(?P<value>.+)", re.DOTALL)
_INSIDE_WEIGHT = 0.6
"""Weight of a word of the prompt that stands in the structure alone, and not above it."""
_RANK_PENALTY = 0.03
_STYLE_BONUS = 0.15
MIN_MATCH = 0.5
"""Share of the prompt's words that a structure needs to be drawn."""
_MIN_PREFIX = 4
_HEADING_LINE = re.compile(r"[^\n]{3,60}(?<![.!?:;,])")
"""A paragraph of one short line without a mark at its end."""
_STEP_LINE = re.compile(r"(?:step|schritt|étape|etape|paso)\s*\d+\s*[:.)–-]\s*(?P<step>.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A step, a part or a row.

    Attributes:
        label: What the entry is.
        relation: What joins it to the subject; empty for a part.
        details: What is said about it, each with its relation.
    """

    label: str
    relation: str = ""
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """A part of a document that can be drawn.

    Attributes:
        subject: What it is about.
        entries: Its entries, in order.
        is_sequence: Whether one entry follows the other.
        source: The document.
        match: Share of the prompt's words in it and above it, a little more or less by style and rank.
    """

    subject: str
    entries: tuple[Entry, ...]
    is_sequence: bool
    source: str
    match: float = 0.0


def find_structure(
    subject: str, passages: Sequence[Passage], style: str, *, is_how_to: bool = False
) -> Structure | None:
    """Return the structure that has most words of a prompt, where it has enough of them.

    Args:
        subject: The prompt without the words that ask for a picture.
        passages: The passages, best first.
        style: The style that the prompt asks for; empty for any.
        is_how_to: Whether the prompt asks what to do, so that the sentences of a paragraph are steps.
    """
    candidates: list[Structure] = []
    for rank, passage in enumerate(passages):
        chunk = passage.chunk
        analyser = Analyser(chunk.language or "english")
        prompt_stems = _stem_subject(subject, analyser)
        for structure, above, inside in _list_structures(chunk, is_flow=style == "flow", is_how_to=is_how_to):
            match = _measure_match(prompt_stems, frozenset(analyser.stems(above)), frozenset(analyser.stems(inside)))
            if sum(entry.label in subject for entry in structure.entries) >= _MIN_ENTRIES:
                match = 1.0  # the prompt quotes it
            bonus = _STYLE_BONUS * (bool(style) and (style == "flow") == structure.is_sequence)
            if match + bonus >= MIN_MATCH and (style != "layers" or not structure.is_sequence):
                candidates.append(replace(structure, match=match + bonus - _RANK_PENALTY * rank))
    return max(candidates, key=lambda structure: structure.match, default=None)


def find_sections(subject: str, passages: Sequence[Passage]) -> Structure | None:
    """Return the sections of the document that is about a subject, as far as passages of it were found.

    Args:
        subject: The prompt without the words that ask for a picture.
        passages: The passages, best first.

    Returns:
        The sections; None where no document about the subject has two.
    """
    for source in dict.fromkeys(passage.chunk.source for passage in passages):
        chunks = [passage.chunk for passage in passages if passage.chunk.source == source]
        analyser = Analyser(chunks[0].language or "english")
        prompt_stems = _stem_subject(subject, analyser)
        names = dict.fromkeys(name for chunk in chunks for name in _list_headings(chunk))
        title = chunks[0].title or next(iter(names), "")
        entries = tuple(Entry(make_label(name)) for name in names if name != title)
        above = frozenset(analyser.stems(f"{title} {' '.join(names)}"))
        if len(entries) > 1 and _measure_match(prompt_stems, above, frozenset()) >= MIN_MATCH:
            return Structure(make_label(title), entries, is_sequence=False, source=source)
    return None


def measure_words(subject: str, passage: Passage) -> float:
    """Return the share of the subject's words in a passage, from 0 to 1."""
    analyser = Analyser(passage.chunk.language or "english")
    in_passage = frozenset(analyser.stems(passage.chunk.searchable_text))
    return _measure_match(_stem_subject(subject, analyser), in_passage, frozenset())


def _stem_subject(subject: str, analyser: Analyser) -> frozenset[str]:
    """Return the stems of the words that say what a prompt is about."""
    return frozenset(analyser.stem_words(analyser.question_words(subject)))


def _list_headings(chunk: Chunk) -> Iterator[str]:
    if chunk.heading:
        yield chunk.heading.rpartition(" > ")[2]
    for span in chunk.blocks:
        if span.kind == "heading":
            yield chunk.text[span.start : span.end].lstrip("# ")


def _list_structures(chunk: Chunk, *, is_flow: bool, is_how_to: bool) -> Iterator[tuple[Structure, str, str]]:
    """Yield the structures of a chunk, each with the text above it and its own text.

    What a sentence says to happen one after the other is a structure for a flow alone, and the sentences of a paragraph
    are one for a prompt that asks what to do.
    """
    heading = chunk.heading.rpartition(" > ")[2]
    for span in chunk.blocks or _guess_blocks(chunk.text):
        text = chunk.text[span.start : span.end]
        if span.kind == "heading" or (_HEADING_LINE.fullmatch(text) and not _ARROW.search(text)):
            heading = text.lstrip("# ")
            continue
        introduction, entries, is_sequence = _read_block(span, text)
        if not entries and span.kind == "paragraph":
            entries = _read_steps(text) if is_flow or is_how_to else ()
            entries = entries or (_read_sentences(text) if is_how_to else ())
        if len(entries) >= _MIN_ENTRIES:
            subject = _choose_subject(chunk, heading, introduction, entries)
            above = f"{chunk.title} {chunk.heading} {heading} {introduction} {chunk.source}"
            yield Structure(subject, entries, is_sequence, chunk.source), above, text


def _choose_subject(chunk: Chunk, heading: str, introduction: str, entries: Sequence[Entry]) -> str:
    is_record = all(entry.relation for entry in entries) and not any(entry.details for entry in entries)
    if is_record and not heading:
        return make_label(chunk.title or chunk.source.rpartition("/")[2])
    return make_label(heading or introduction or chunk.title or chunk.source.rpartition("/")[2])


def _read_block(span: BlockSpan, text: str) -> tuple[str, tuple[Entry, ...], bool]:
    """Return the introduction of a block, its entries, and whether they follow each other; no entries for none."""
    match span.kind:
        case "list":
            introduction, items = parse_list(text)
            is_ordered = all(item.marker != "-" for item in items if item.depth == 0)
            chain = _split_chain(text)
            return (introduction, chain, True) if chain else (introduction, _read_items(items), is_ordered)
        case "table":
            return _read_table(text)
        case "fields":
            pairs = parse_fields(text)
            return "", tuple(Entry(make_label(value), name) for name, value in pairs if value), False
        case _:
            return "", _split_chain(text), True


def _read_steps(text: str) -> tuple[Entry, ...]:
    """Return the numbered steps of a paragraph, else those of the first sentence that has some; empty for none."""
    lines = [match["step"] for line in text.split("\n") if (match := _STEP_LINE.fullmatch(line.strip()))]
    candidates = [lines] if len(lines) >= _MIN_CHAIN else (extract_steps(part.text) for part in split_sentences(text))
    return tuple(Entry(make_label(step)) for step in next(filter(None, candidates), []))


def _read_sentences(text: str) -> tuple[Entry, ...]:
    """Return the sentences of a short paragraph; empty for a long one, or one of fewer than three."""
    sentences = [make_label(sentence.text) for sentence in split_sentences(text)]
    return tuple(map(Entry, sentences)) if _MIN_CHAIN <= len(sentences) <= MAX_NODES else ()


def _split_chain(text: str) -> tuple[Entry, ...]:
    """Return the parts of the first line with at least two arrows; empty for none."""
    for line in text.split("\n"):
        parts = [make_label(part) for part in _ARROW.split(line.strip("`- ."))]
        if len(parts) >= _MIN_CHAIN and all(0 < len(part) <= _MAX_CHAIN_LABEL for part in parts):
            return tuple(Entry(part) for part in parts)
    return ()


def _read_items(items: Sequence[ListItem]) -> tuple[Entry, ...]:
    """Return the items of a list; those below another are its details."""
    entries: list[Entry] = []
    for item in items:
        if item.depth and entries:
            entries[-1] = replace(entries[-1], details=(*entries[-1].details, ("", make_label(item.text))))
        else:
            entries.append(_read_item(item.text))
    return tuple(entry for entry in entries if entry.label)


def _read_item(text: str) -> Entry:
    """Return an item; the name before a colon is the label where the whole is too long for one."""
    label = make_label(text)
    named = _NAMED_ITEM.fullmatch(text.strip())
    if named and len(text) > len(label) + 1:
        return Entry(make_label(named["name"]), details=(("", make_label(named["value"])),))
    return Entry(label)


def _read_table(text: str) -> tuple[str, tuple[Entry, ...], bool]:
    table = parse_table(text)
    rows = [row for row in table.rows if row and row[0]]
    header = [*table.header, *[""] * max((len(row) - len(table.header) for row in rows), default=0)]
    if len(header) == 2 and rows and all(_TIME.fullmatch(row[0]) for row in rows):  # noqa: PLR2004 - time and event
        return table.caption, tuple(Entry(make_label(f"{row[0]}: {row[1]}")) for row in rows if len(row) > 1), True
    entries = tuple(
        Entry(
            make_label(row[0]),
            header[0],
            tuple((name, make_label(cell)) for name, cell in zip(header[1:], row[1:], strict=False) if cell),
        )
        for row in rows
    )
    return table.caption, entries, False


def _guess_blocks(text: str) -> Iterator[BlockSpan]:
    """Yield the blocks of a text that came without them, such as a passage that a request brings along."""
    position = 0
    for part in text.split("\n\n"):
        end = position + len(part)
        if any(line.startswith("| ---") for line in part.split("\n")):
            yield BlockSpan("table", position, end)
        elif len(parse_list(part)[1]) >= _MIN_ENTRIES:
            yield BlockSpan("list", position, end)
        else:
            yield BlockSpan("paragraph", position, end)
        position = end + 2


def _measure_match(prompt_stems: frozenset[str], above: frozenset[str], inside: frozenset[str]) -> float:
    if not prompt_stems:
        return 0.0
    total = sum(1.0 if _has(above, stem) else _INSIDE_WEIGHT * _has(inside, stem) for stem in prompt_stems)
    return total / len(prompt_stems)


def _has(stems: frozenset[str], sought_stem: str) -> bool:
    """Return whether a stem is among ``stems``, also as the start of a compound or the other way round."""
    return sought_stem in stems or any(
        len(stem) >= _MIN_PREFIX
        and len(sought_stem) >= _MIN_PREFIX
        and (stem.startswith(sought_stem) or sought_stem.startswith(stem))
        for stem in stems
    )
