"""What the columns of an index in AI Search hold: how a profile tells it, and what is wrong with that."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import Stemmer

from ...config import arguments
from ...contract.fields import StageValues

COLUMN_FIELDS = ("text", "source", "title", "heading", "page", "start", "end")
"""What a column can hold of a chunk."""
SEARCH_TYPES = ("hybrid", "ann", "full_text")
"""By meaning and words, by meaning alone, by words alone."""
INTEGER_TYPES = {"tinyint", "smallint", "int", "integer", "bigint", "long"}
"""SQL's types of whole numbers."""
_NAME = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_COLUMN = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The part ``index`` of a profile: which index, what its columns hold, and how it is searched.

    ``columns`` map fields of a passage to columns, ``tags`` are columns that a filter's ``tag`` can name.
    ``language`` is that of the stems which ``support`` counts.
    """

    name: str
    columns: dict[str, str] = field(default_factory=lambda: {name: name for name in COLUMN_FIELDS})
    tags: list[str] = field(default_factory=list)
    search: str = "hybrid"
    language: str = "english"

    @property
    def requested_columns(self) -> list[str]:
        """The columns that a query asks for, each once."""
        return list(dict.fromkeys([*self.columns.values(), *self.tags]))

    @property
    def filter_fields(self) -> list[str]:
        """The fields of a filter that there is a column for."""
        return [name for name in self.columns if name not in {"text", "start", "end"}] + ["tag"] * bool(self.tags)


def find_setting_errors(settings: StageValues) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings of an index: which, and a sentence."""
    errors = list(arguments.find_errors(ColumnMapping, settings, injected=()))
    yield from errors or _find_value_errors(ColumnMapping(**settings))


def _find_value_errors(columns_of_index: ColumnMapping) -> Iterator[tuple[str, str]]:
    if not _NAME.fullmatch(columns_of_index.name):
        yield "name", "name is expected to be that of an index in Unity Catalog, catalog.schema.index"
    for name, value, choices in (
        ("search", columns_of_index.search, SEARCH_TYPES),
        ("language", columns_of_index.language, Stemmer.algorithms()),
    ):
        if value not in choices:
            yield name, f"there is no {name} {value}; {arguments.suggest(value, choices)}"
    if not isinstance(columns_of_index.columns, Mapping) or not {
        "text",
        "source",
    } <= columns_of_index.columns.keys() <= set(COLUMN_FIELDS):
        yield (
            "columns",
            f"columns is expected to name those of text and source, and maybe of {', '.join(COLUMN_FIELDS[2:])}",
        )
    elif not all(
        isinstance(column, str) and _COLUMN.fullmatch(column) for column in columns_of_index.requested_columns
    ):
        yield "columns", "columns and tags are expected to name columns: letters, digits and _"
