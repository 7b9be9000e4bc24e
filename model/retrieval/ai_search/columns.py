"""Read from a profile which columns of an AI Search index hold what, and how the index is searched."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import Stemmer

from ...config.settings import SettingProblem, suggest

COLUMN_FIELDS = ("text", "source", "title", "heading", "page", "start", "end")
"""Fields of a chunk that a column can hold."""
SearchType = Literal["hybrid", "ann", "full_text"]
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
        columns: Column of each field of a passage; by default the column with the name of the field.
        tags: Columns that a filter's ``tag`` can name; none by default.
        search: Search by meaning and words, by meaning alone, or by words alone.
        language: Language of the stems that ``support`` counts.
    """

    name: str
    columns: dict[str, str] = field(default_factory=lambda: {name: name for name in COLUMN_FIELDS})
    tags: list[str] = field(default_factory=list)
    search: SearchType = "hybrid"
    language: str = "english"

    @property
    def requested_columns(self) -> list[str]:
        """The columns that a query requests, each once."""
        return list(dict.fromkeys([*self.columns.values(), *self.tags]))

    @property
    def filter_fields(self) -> list[str]:
        """The filter fields for which there is a column."""
        return [name for name in self.columns if name not in {"text", "start", "end"}] + ["tag"] * bool(self.tags)

    def find_problems(self) -> Iterator[SettingProblem]:
        """Yield names that Unity Catalog or SQL do not allow, an unknown language, and fields without a column."""
        if not _NAME.fullmatch(self.name):
            yield SettingProblem(("name",), "name must be that of an index in Unity Catalog, catalog.schema.index")
        languages = Stemmer.algorithms()
        if self.language not in languages:
            sentence = f"there is no language {self.language}; {suggest(self.language, languages)}"
            yield SettingProblem(("language",), sentence)
        if not {"text", "source"} <= self.columns.keys() <= set(COLUMN_FIELDS):
            sentence = f"columns must name those of text and source, and maybe of {', '.join(COLUMN_FIELDS[2:])}"
            yield SettingProblem(("columns",), sentence)
        elif not all(map(_COLUMN.fullmatch, self.requested_columns)):
            yield SettingProblem(("columns",), "columns and tags must name columns: letters, digits and _")
