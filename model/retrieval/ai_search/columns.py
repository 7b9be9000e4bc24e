"""Read from a profile which columns of an AI Search index hold what, and how the index is searched."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import Stemmer

from ...config import arguments
from ...contract.fields import StageValues

COLUMN_FIELDS = ("text", "source", "title", "heading", "page", "start", "end")
"""Fields of a chunk that a column can hold."""
SEARCH_TYPES = ("hybrid", "ann", "full_text")
"""Search by meaning and words, by meaning alone, by words alone."""
INTEGER_TYPES = {"tinyint", "smallint", "int", "integer", "bigint", "long"}
"""SQL types of whole numbers."""
_NAME = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_COLUMN = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The section ``index`` of a profile that searches AI Search.

    Attributes:
        name: Name of the index in Unity Catalog.
        columns: Column of each field of a passage.
        tags: Columns that a filter's ``tag`` can name.
        search: One of SEARCH_TYPES.
        language: Language of the stems that ``support`` counts.
    """

    name: str
    columns: dict[str, str] = field(default_factory=lambda: {name: name for name in COLUMN_FIELDS})
    tags: list[str] = field(default_factory=list)
    search: str = "hybrid"
    language: str = "english"

    @property
    def requested_columns(self) -> list[str]:
        """The columns that a query requests, each once."""
        return list(dict.fromkeys([*self.columns.values(), *self.tags]))

    @property
    def filter_fields(self) -> list[str]:
        """The filter fields for which there is a column."""
        return [name for name in self.columns if name not in {"text", "start", "end"}] + ["tag"] * bool(self.tags)


def find_setting_errors(settings: StageValues) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a profile's section ``index``: the setting, and a message."""
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
