"""Define the section ``index`` of a profile with a local index."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from ...config.settings import Count, SettingProblem, suggest
from ...text_analysis import STEMMED_LANGUAGES

AUTO_LANGUAGE = "auto"
"""Setting by which a build tells the language of each document."""


@dataclass(frozen=True, slots=True)
class ColumnRoles:
    """Columns of tables with a role that the caller or the profile names.

    Attributes:
        text: Column whose value is the text of a row; empty to choose by the names.
        title: Column whose value is the title of a row; empty to choose by the names.
        tags: Columns whose values become tags, whatever their length.
    """

    text: str = ""
    title: str = ""
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The section ``index`` of a profile.

    Attributes:
        chunk_size: Largest number of characters of a chunk.
        overlap: Characters that a chunk shares with the one before it; below ``chunk_size``.
        language: Language of the documents, whose stemmer cuts the words; ``auto`` tells it of each document.
        columns: Columns of tables with a role; ``--column`` replaces them.
        readers: Reader of the files by suffix, such as ``.pdf: docling``; ``--reader`` adds to them.
    """

    chunk_size: Annotated[int, Field(ge=50, le=100_000)]
    overlap: Count
    language: str
    columns: ColumnRoles = field(default_factory=ColumnRoles)
    readers: dict[str, str] = field(default_factory=dict)

    def find_problems(self) -> Iterator[SettingProblem]:
        """Yield an unknown language, a reader of no suffix, and an overlap that leaves no room in a chunk."""
        languages = [AUTO_LANGUAGE, *sorted(STEMMED_LANGUAGES)]
        if self.language not in languages:
            sentence = f"there is no stemmer for {self.language}; {suggest(self.language, languages)}"
            yield SettingProblem(("language",), sentence)
        if names := [name for name in self.readers if not name.startswith(".") or name != name.lower()]:
            yield SettingProblem(("readers",), f"{names[0]} is not a suffix in lower case, such as .pdf")
        if self.overlap >= self.chunk_size:
            yield SettingProblem(("overlap",), f"overlap must be less than chunk_size, which is {self.chunk_size}")
