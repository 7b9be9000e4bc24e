"""Define what every provider is: factories by role, and facts about its models and its requirements."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from ..config.settings import Dependency, Factory
from ..interfaces import ModelStatus
from .server_facts import ServerFound

ProviderSettings = Mapping[str, Any]
"""Settings of a provider's entry in a profile, without the name of the provider."""


class ModelFolder(Dependency):
    """The folder of the embedding model that was logged with a version.

    Attributes:
        path: Where the folder is now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path


class Provider(ABC):
    """A service or library that a profile can name.

    A factory makes the object of one role. Its parameters are the settings of an entry in the profile
    (config/settings.py), except those that the pipeline supplies, such as the index.

    Attributes:
        name: Name in profiles.
    """

    name: str

    @property
    @abstractmethod
    def factories(self) -> Mapping[str, Factory]:
        """The factory of each role that the provider offers: ``chat``, ``embeddings``, ``images``, ``reranker``."""

    def locate(self, server: ServerFound | None) -> Self:
        """Return the provider at a server that was found for it.

        Args:
            server: The server; None where none was looked for.
        """
        return self

    def complete_settings(self, role: str, settings: ProviderSettings) -> ProviderSettings:
        """Return the settings of an entry with what a found server adds to them.

        Args:
            role: The role of the entry.
            settings: The settings of the entry.
        """
        return settings

    def find_distributions(self, settings: ProviderSettings) -> set[str]:
        """Return the distributions that a version with this entry needs to serve.

        Args:
            settings: The settings of the entry.
        """
        return set()

    def check_settings(self, role: str, settings: ProviderSettings) -> None:  # noqa: B027 - most have nothing to add
        """Validate what the types of the settings do not say.

        Args:
            role: The role of the entry.
            settings: Settings of valid types.

        Raises:
            ProfileError: A setting is invalid.
        """

    def find_model_folder(self, settings: ProviderSettings) -> Path | None:
        """Return the folder of a model, which is logged with a version; None when there is none.

        Args:
            settings: The settings of the entry.
        """
        return None

    async def list_statuses(self, models: Sequence[str]) -> list[ModelStatus]:
        """Return the status of each model; empty when the provider has no models to list.

        Args:
            models: Names of models.

        Raises:
            ProviderError: The provider did not answer.
            CredentialError: A key or an address is missing.
        """
        return []
