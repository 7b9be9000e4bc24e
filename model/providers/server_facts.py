"""Keep what is known of a profile's servers: the parameters that they refuse, and how many texts they take in a call.

Calls teach it (transport/error_mapping.py, retrieval/embedding_calls.py). It is kept with the profile in the process,
and written into a version with what preflight and the build have learned, so that the version does not learn it again.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ..config.settings import Dependency
from ..errors import IndexFolderError

FACTS_ARTIFACT = "servers"
"""Name of the artifact of a version that holds the facts: a JSON file."""


@dataclass(slots=True)
class ModelLimits:
    """What a server does not take for one model, and how the model writes.

    Attributes:
        refused: Parameters of calls that are left out.
        batch: Largest number of texts in a call for embeddings; 0 for the protocol's limit.
        starts_in_thought: Whether replies begin inside a thought, without the mark of its beginning.
    """

    refused: set[str] = field(default_factory=set)
    batch: int = 0
    starts_in_thought: bool = False


class ServerFacts(Dependency):
    """What is known of the servers that one profile names."""

    def __init__(self) -> None:
        self._limits: dict[str, ModelLimits] = {}

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the facts that a version was logged with.

        Raises:
            IndexFolderError: The file is damaged.
        """
        facts = cls()
        try:
            for name, limits in json.loads(file.read_text("utf-8"))["limits"].items():
                facts._limits[name] = ModelLimits(
                    set(limits["refused"]), int(limits["batch"]), limits.get("starts_in_thought") is True
                )
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            raise IndexFolderError(f"{file} is damaged; log the version again") from None
        return facts

    def limits_of(self, provider: str, model: str) -> ModelLimits:
        """Return what is known of one model; a call that teaches more adds to it.

        Args:
            provider: Name of the provider.
            model: Name of the model.
        """
        return self._limits.setdefault(f"{provider}:{model}", ModelLimits())

    def to_json(self) -> dict[str, Any]:
        """Return the facts as they are written into a version; empty where nothing was learned."""
        entries = {
            name: asdict(limits) | {"refused": sorted(limits.refused)}
            for name, limits in sorted(self._limits.items())
            if limits != ModelLimits()
        }
        return {"limits": entries} if entries else {}

    def describe(self) -> list[str]:
        """Return a sentence on each model of which something was learned."""
        return [
            f"{name} {' and '.join(_describe_limits(limits))}"
            for name, limits in sorted(self._limits.items())
            if limits != ModelLimits()
        ]


def _describe_limits(limits: ModelLimits) -> list[str]:
    refused = [f"refuses {', '.join(sorted(limits.refused))}, which is left out"] if limits.refused else []
    batch = [f"takes {limits.batch} texts in a call"] if limits.batch else []
    return refused + batch + ["begins replies inside a thought"] * limits.starts_in_thought
