"""Read JSON, JSON lines and YAML. Each record becomes a document."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from model.blocks import make_fields, make_paragraph
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile, show_numbers
from .records import flatten_record, make_tags, read_records
from .yaml_values import parse_yaml

_MIN_SENTENCE_WORDS = 4


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
    """Yield a document for each record of a value, or one for the whole value."""
    records = _find_records(value)
    if records is not None:
        yield from read_records(file, records)
    elif isinstance(value, Mapping):
        yield _make_whole(file, value)
    elif value is not None:
        yield file.make_document([make_paragraph(str(value))])


def _find_records(value: Any) -> list[Mapping[str, Any]] | None:
    """Return the records of a list, of an envelope around one list, or of an object of objects or sentences by code."""
    if isinstance(value, list):
        return [_make_record(record) for record in value]
    if not isinstance(value, Mapping):
        return None
    lists = [inner for inner in value.values() if _is_record_list(inner)]
    others = [inner for inner in value.values() if not _is_record_list(inner)]
    if len(lists) == 1 and len(others) <= 1 and not any(isinstance(inner, Mapping | list) for inner in others):
        records: list[Mapping[str, Any]] = lists[0]
        return records
    if len(value) > 1 and all(isinstance(inner, Mapping) for inner in value.values()):
        return [{"key": name, **inner} for name, inner in value.items()]
    if len(value) > 1 and all(_is_sentence(inner) for inner in value.values()):
        return [{"title": name, "text": inner} for name, inner in value.items()]
    return None


def _make_whole(file: SourceFile, value: Mapping[str, Any]) -> Document:
    """Return a document of all names and values: those of the object itself, then a block for each inner object."""
    simple = {
        name: inner for name, inner in value.items() if not isinstance(inner, Mapping) and not _is_record_list(inner)
    }
    blocks = [make_fields(flatten_record(simple))]
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            blocks.append(make_fields(flatten_record(inner, str(name))))
        elif _is_record_list(inner):
            blocks += [make_fields(flatten_record(record, str(name))) for record in inner]
    title = next((str(value[name]) for name in ("title", "name") if isinstance(value.get(name), str)), "")
    return file.make_document(blocks, title=title, tags=make_tags(flatten_record(simple)))


def _make_record(value: Any) -> Mapping[str, Any]:
    """Return a record as an object; a text or number becomes the text of a record."""
    return value if isinstance(value, Mapping) else {"text": value}


def _is_record_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _is_sentence(value: Any) -> bool:
    return isinstance(value, str) and len(value.split()) >= _MIN_SENTENCE_WORDS
