"""What the columns of an index in AI Search hold: how a profile tells it, and what is wrong with that."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import Stemmer

from ...config import arguments
from ...contract.fields import Values

FIELDS = ("text", "source", "title", "heading", "page", "start", "end")
"""What a column can hold of a chunk."""
SEARCHES = ("hybrid", "ann", "full_text")
"""By meaning and words, by meaning alone, by words alone."""
WHOLE = {"tinyint", "smallint", "int", "integer", "bigint", "long"}
"""SQL's types of whole numbers."""
_NAME = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_COLUMN = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Layout:
    """The part ``index`` of a profile: which index, what its columns hold, and how it is searched.

    ``columns`` map fields of a passage to columns, ``tags`` are columns that a filter's ``tag`` can name.
    ``language`` is that of the stems which ``support`` counts.
    """

    name: str
    columns: dict[str, str] = field(default_factory=lambda: {one: one for one in FIELDS})
    tags: list[str] = field(default_factory=list)
    search: str = "hybrid"
    language: str = "english"

    @property
    def asked(self) -> list[str]:
        """The columns that a query asks for, each once."""
        return list(dict.fromkeys([*self.columns.values(), *self.tags]))

    @property
    def narrowed_by(self) -> list[str]:
        """The fields of a filter that there is a column for."""
        return [one for one in self.columns if one not in {"text", "start", "end"}] + ["tag"] * bool(self.tags)


def wrong(told: Values) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings of an index: which, and a sentence."""
    found = list(arguments.wrong(Layout, told, given=()))
    yield from found or _wrong(Layout(**told))


def _wrong(made: Layout) -> Iterator[tuple[str, str]]:
    if not _NAME.fullmatch(made.name):
        yield "name", "name is expected to be that of an index in Unity Catalog, catalog.schema.index"
    for name, value, known in (
        ("search", made.search, SEARCHES),
        ("language", made.language, Stemmer.algorithms()),
    ):
        if value not in known:
            yield name, f"there is no {name} {value}; {arguments.meant(value, known)}"
    if not isinstance(made.columns, Mapping) or not {"text", "source"} <= made.columns.keys() <= set(FIELDS):
        yield "columns", f"columns is expected to name those of text and source, and maybe of {', '.join(FIELDS[2:])}"
    elif not all(isinstance(one, str) and _COLUMN.fullmatch(one) for one in made.asked):
        yield "columns", "columns and tags are expected to name columns: letters, digits and _"
