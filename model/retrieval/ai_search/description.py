"""What a build found out of an index that Databricks AI Search holds: all that a version keeps of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ...errors import IndexFolderError
from ..local.manifest import FILE

KIND = "ai_search"
_FORMAT = 1
_AGAIN = "describe it again with python -m training build"


@dataclass(frozen=True, slots=True)
class Described:
    """An index elsewhere, as it was at a build; it stands in an index folder in the place of an index.

    ``settings`` are the profile's, ``types`` map each column that is asked for to its SQL type. ``storage_optimized``
    is the kind of its endpoint, which takes filters in another form. ``embedding`` holds provider and model; where the
    profile's embeddings make the vectors, also their ``fingerprint`` (index.PROBE), and where Databricks does it, none.
    """

    settings: dict[str, Any]
    endpoint: str
    storage_optimized: bool
    rows: int
    types: dict[str, str]
    embedding: dict[str, Any] = field(default_factory=dict)
    dimension: int = 0
    kind: str = KIND
    format: int = _FORMAT

    @property
    def name(self) -> str:
        """Its name in Unity Catalog: catalog, schema and index."""
        return str(self.settings["name"])

    @property
    def managed(self) -> bool:
        """Whether Databricks embeds questions, as it embedded the rows."""
        return bool(self.embedding) and not self.embeds

    @property
    def embeds(self) -> bool:
        """Whether the profile's embeddings embed questions, as they embedded the rows."""
        return "fingerprint" in self.embedding

    def write(self, folder: Path) -> None:
        """Writes it into ``folder``."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """That of ``folder``. Raises IndexFolderError when there is none that can be read."""
        try:
            told = json.loads((folder / FILE).read_text("utf-8"))
        except FileNotFoundError:
            raise IndexFolderError(f"{folder} describes no index (no {FILE}); {_AGAIN}") from None
        except ValueError:
            raise IndexFolderError(f"{folder / FILE} is damaged; {_AGAIN}") from None
        if not isinstance(told, Mapping) or (told.get("kind"), told.get("format")) != (KIND, _FORMAT):
            raise IndexFolderError(f"{folder} holds an index, and this profile's lies in AI Search; {_AGAIN}")
        try:
            return cls(**told)
        except TypeError:
            raise IndexFolderError(f"{folder / FILE} lacks entries; {_AGAIN}") from None
