"""Store what a build learned about an index of Databricks AI Search. A version keeps nothing else of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ...errors import IndexFolderError
from ..local.manifest import MANIFEST_FILE

REMOTE_KIND = "ai_search"
_FORMAT = 1
_REMEDY = "describe it again with python -m training build"


@dataclass(frozen=True, slots=True)
class RemoteIndex:
    """An index of AI Search as it was at the build. Its file takes the place of an index in the index folder.

    Attributes:
        settings: The profile's section ``index``.
        endpoint: Name of the AI Search endpoint.
        storage_optimized: Whether the endpoint is storage-optimised, and so takes filters in another form.
        rows: Number of rows.
        types: SQL type of each requested column.
        embedding: Provider and model; with ``fingerprint`` when the profile's embeddings made the vectors.
        dimension: Components of a vector; 0 when unknown.
        kind: Tells this file from the manifest of a local index.
        format: Number of the file's format.
    """

    settings: dict[str, Any]
    endpoint: str
    storage_optimized: bool
    rows: int
    types: dict[str, str]
    embedding: dict[str, Any] = field(default_factory=dict)
    dimension: int = 0
    kind: str = REMOTE_KIND
    format: int = _FORMAT

    @property
    def name(self) -> str:
        """Name in Unity Catalog: catalog, schema and index."""
        return str(self.settings["name"])

    @property
    def is_managed(self) -> bool:
        """Whether Databricks embeds questions, as it embedded the rows."""
        return bool(self.embedding) and not self.uses_own_embeddings

    @property
    def uses_own_embeddings(self) -> bool:
        """Whether the profile's embeddings embed questions, as they embedded the rows."""
        return "fingerprint" in self.embedding

    def write(self, folder: Path) -> None:
        """Write the description into ``folder``."""
        (folder / MANIFEST_FILE).write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the description in ``folder``.

        Raises:
            IndexFolderError: There is none, or it is damaged.
        """
        try:
            entries = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
        except FileNotFoundError:
            raise IndexFolderError(f"{folder} describes no index (no {MANIFEST_FILE}); {_REMEDY}") from None
        except ValueError:
            raise IndexFolderError(f"{folder / MANIFEST_FILE} is damaged; {_REMEDY}") from None
        if not isinstance(entries, Mapping) or (entries.get("kind"), entries.get("format")) != (REMOTE_KIND, _FORMAT):
            raise IndexFolderError(f"{folder} holds an index, and this profile's lies in AI Search; {_REMEDY}")
        try:
            return cls(**entries)
        except TypeError:
            raise IndexFolderError(f"{folder / MANIFEST_FILE} lacks entries; {_REMEDY}") from None
