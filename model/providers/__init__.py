"""The providers that a profile can name, each imported when it is first used."""

from importlib import import_module
from types import ModuleType

from ..errors import ProfileError

MODULES = {
    name: f".{name}"
    for name in ("offline", "openai", "azure", "databricks", "compatible", "sentence_transformers", "langchain")
}
"""Provider name → module: some of ``embeddings``, ``chat``, ``images``, ``reranker``, and what it ``requires``.

It may ``check`` settings, tell the ``standings`` of models, and name a ``folder`` that a version is logged with.
"""


def load_provider(name: str) -> ModuleType:
    """The module of that provider. Raises ProfileError when there is none."""
    if name not in MODULES:
        raise ProfileError(f"there is no provider of that name; use one of {', '.join(MODULES)}")
    return import_module(MODULES[name], __package__)
