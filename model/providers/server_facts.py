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
        token_factor: Tokens of a text of the documents for each token of the estimate; 0 where not measured.
    """

    refused: set[str] = field(default_factory=set)
    batch: int = 0
    starts_in_thought: bool = False
    token_factor: float = 0.0


@dataclass(frozen=True, slots=True)
class ServerFound:
    """A server that was found for a provider, because the environment or the profile did not name all of it.

    Attributes:
        address: Its address, used where the variable of the provider's address is not set; empty for none.
        model: Its chat model, used by the entries that name none; empty for none.
    """

    address: str
    model: str


ANY_SERVER = ServerFound("", "the first model that the server lists")
"""Stands for a server that is still to be found, where a profile is read and no server asked."""


class ServerFacts(Dependency):
    """What is known of the servers that one profile names."""

    def __init__(self) -> None:
        self._limits: dict[str, ModelLimits] = {}
        self._servers: dict[str, ServerFound] = {}

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the facts that a version was logged with.

        Raises:
            IndexFolderError: The file is damaged.
        """
        facts = cls()
        try:
            content = json.loads(file.read_text("utf-8"))
            for name, server in content.get("servers", {}).items():
                facts.add_server(name, ServerFound(str(server["address"]), str(server["model"])))
            for name, limits in content["limits"].items():
                facts._limits[name] = ModelLimits(
                    set(limits["refused"]),
                    int(limits["batch"]),
                    limits.get("starts_in_thought") is True,
                    float(limits.get("token_factor", 0.0)),
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

    def find_server(self, provider: str) -> ServerFound | None:
        """Return the server that was found for a provider; None where none was looked for.

        Args:
            provider: Name of the provider.
        """
        return self._servers.get(provider)

    def add_server(self, provider: str, server: ServerFound) -> None:
        """Use a server for the entries of a provider.

        Args:
            provider: Name of the provider.
            server: The server.
        """
        self._servers[provider] = server

    def to_json(self) -> dict[str, Any]:
        """Return the facts as they are written into a version; empty where nothing was learned."""
        entries = {
            name: asdict(limits) | {"refused": sorted(limits.refused)}
            for name, limits in sorted(self._limits.items())
            if limits != ModelLimits()
        }
        servers = {name: asdict(server) for name, server in sorted(self._servers.items())}
        facts: dict[str, Any] = {"limits": entries} | ({"servers": servers} if servers else {})
        return facts if entries or servers else {}

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
    thought = ["begins replies inside a thought"] if limits.starts_in_thought else []
    factor = f"counts up to {limits.token_factor:g} tokens of the documents for each estimated one"
    return refused + batch + thought + [factor] * bool(limits.token_factor)
