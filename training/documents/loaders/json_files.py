"""Read JSON, JSON lines and YAML. Each record becomes a document."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from model.blocks import make_fields, make_paragraph
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile, show_numbers
from .records import MAX_TAG, flatten_record, make_tags, read_records
from .yaml_values import parse_yaml

_MIN_SENTENCE_WORDS = 4
_ENVELOPES = frozenset(
    {"data", "items", "results", "records", "rows", "values", "value", "entries", "list", "documents"}
)
"""Names of a list of records that say nothing about them."""


class JsonLoader(Loader):
    """Reads JSON files."""

    kind = "JSON"
    suffixes = (".json",)
    reads = "each record of a list, also inside an envelope, or keyed by code; nested names as a.b"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each record, or one for the whole file."""
        yield from load_value(file, _parse_json(file.read_text()))


class JsonLinesLoader(Loader):
    """Reads JSON lines."""

    kind = "JSON lines"
    suffixes = (".jsonl", ".ndjson")
    reads = "each line; a line that is no JSON is passed over by its number"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each line."""
        records: list[Mapping[str, Any]] = []
        bad_lines: list[int] = []
        for number, line in enumerate(file.read_text().split("\n"), 1):
            if line.strip():
                try:
                    records.append(_make_record(_parse_json(line)))
                except DocumentError:
                    bad_lines.append(number)
        if bad_lines:
            file.notes.append(f"lines that are not JSON were passed over: {show_numbers(bad_lines)}")
        yield from read_records(file, records)


class YamlLoader(Loader):
    """Reads YAML files."""

    kind = "YAML"
    suffixes = (".yaml", ".yml")
    reads = "as JSON"
    omits = "comments"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each record, or one for each document of the file."""
        for value in parse_yaml(file.read_text()):
            yield from load_value(file, value)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise DocumentError(f"the file is not JSON{where}; check that it is complete") from None


def load_value(file: SourceFile, value: Any) -> Iterator[Document]:
    """Yield a document for each record of a value, or one for the whole value.

    The records are those of a list, of an object of objects or sentences by code, or of the only one of these that
    stands inside an object. The values beside them, such as a date, are a document without a number.
    """
    if records := _list_records(value):
        yield from read_records(file, records)
    elif isinstance(value, Mapping):
        yield from _load_object(file, value)
    elif value is not None and not isinstance(value, list):
        yield file.make_document([make_paragraph(str(value))])


def _load_object(file: SourceFile, value: Mapping[str, Any]) -> Iterator[Document]:
    nested = [name for name, inner in value.items() if _is_nested(inner)]
    records = _list_records(value[nested[0]]) if len(nested) == 1 and not _is_sentences(value[nested[0]]) else []
    around = {name: inner for name, inner in value.items() if not records or name != nested[0]}
    if around:
        yield _make_whole(file, around)
    if records:
        name = nested[0]
        yield from read_records(file, records, sheet="" if name.lower() in _ENVELOPES else name)


def _list_records(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, list):
        return [_make_record(record) for record in value]
    if not isinstance(value, Mapping) or len(value) < 2:  # noqa: PLR2004 - one object is an envelope or a record
        return []
    if all(isinstance(inner, Mapping) for inner in value.values()):
        return [{"key": name, **inner} for name, inner in value.items()]
    if _is_sentences(value):
        return [{"title": name, "text": inner} for name, inner in value.items()]
    return []


def _make_whole(file: SourceFile, value: Mapping[str, Any]) -> Document:
    """Return a document of all names and values: those of the object itself, then a block for each inner object.

    The first short value, which names the object, is repeated in each block, so that each can be quoted alone.
    """
    own = {name: inner for name, inner in value.items() if not _is_nested(inner)}
    simple = flatten_record(own)
    name_pair = [pair for pair in simple if len(pair[1]) <= MAX_TAG][:1]
    blocks = [make_fields(simple)]
    for name, inner in value.items():
        if _is_nested(inner):
            records = [inner] if isinstance(inner, Mapping) else inner
            blocks += [make_fields([*name_pair, *flatten_record(record, str(name))]) for record in records]
    title = next((str(value[name]) for name in ("title", "name") if isinstance(value.get(name), str)), "")
    return file.make_document(blocks, title=title, tags=make_tags(flatten_record(own, splits_lists=True)))


def _make_record(value: Any) -> Mapping[str, Any]:
    """Return a record as an object; a text or number becomes the text of a record."""
    return value if isinstance(value, Mapping) else {"text": value}


def _is_record_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_record_list(value)


def _is_sentences(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(inner, str) and len(inner.split()) >= _MIN_SENTENCE_WORDS for inner in value.values()
    )
