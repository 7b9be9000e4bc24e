"""List the providers that a profile can name. Each module is imported when its provider is first used."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from ..config.settings import Dependency, call_factory, convert_settings
from ..errors import ProfileError
from .base import ModelFolder, Provider
from .server_facts import ServerFacts

__all__ = [
    "PROVIDERS",
    "ModelFolder",
    "Provider",
    "load_provider",
    "locate_provider",
    "make_provider",
    "provider_settings",
]

PROVIDERS = {
    "offline": "offline.provider:OfflineProvider",
    "openai": "openai:OpenAIProvider",
    "azure": "azure:AzureProvider",
    "databricks": "databricks:DatabricksProvider",
    "compatible": "compatible:CompatibleProvider",
    "sentence_transformers": "sentence_transformers:SentenceTransformersProvider",
    "langchain": "langchain:LangChainProvider",
}
"""Name in profiles → module and class. A provider of your own is a further entry."""


@cache
def load_provider(name: str) -> Provider:
    """Return the provider ``name``.

    Raises:
        ProfileError: There is no provider of that name.
    """
    if name not in PROVIDERS:
        raise ProfileError(f"there is no provider of that name; use one of {', '.join(PROVIDERS)}")
    module, _, class_name = PROVIDERS[name].partition(":")
    provider: Provider = getattr(import_module(f".{module}", __package__), class_name)()
    return provider


def locate_provider(name: str, facts: ServerFacts | None) -> Provider:
    """Return the provider ``name`` at the server that was found for it, where one was looked for.

    Args:
        name: Name of the provider.
        facts: What is known of the profile's servers; None for nothing.

    Raises:
        ProfileError: There is no provider of that name.
    """
    return load_provider(name).locate(facts.find_server(name) if facts else None)


def make_provider(entry: Mapping[str, Any], role: str, *dependencies: Dependency | None) -> Any:
    """Return the object that an entry of a profile describes.

    Args:
        entry: The entry: the provider's name and its settings.
        role: ``embeddings``, ``chat``, ``images`` or ``reranker``.
        *dependencies: Objects that a factory can declare: the index, the folder of a logged model.

    Returns:
        An object that implements the role's protocol (interfaces.py).

    Raises:
        ProfileError: The provider does not exist, or rejects a setting.
    """
    facts = next((dependency for dependency in dependencies if isinstance(dependency, ServerFacts)), None)
    provider = locate_provider(entry["provider"], facts)
    factory = provider.factories[role]
    settings = provider.complete_settings(role, provider_settings(entry))
    return call_factory(factory, convert_settings(factory, settings), *dependencies)


def provider_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a provider's entry, without its name."""
    return {name: value for name, value in entry.items() if name != "provider"}
