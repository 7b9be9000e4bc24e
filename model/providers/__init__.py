"""The providers that a profile can name. Each module is imported when it is first used."""

from importlib import import_module
from types import ModuleType

from ..errors import ProfileError

MODULES = {
    name: f".{name}"
    for name in ("offline", "openai", "azure", "databricks", "compatible", "sentence_transformers", "langchain")
}
"""Provider name → module. A module has some of the factories ``embeddings``, ``chat``, ``images`` and ``reranker``.

A module also states the distributions that it needs (``requires``), and may validate settings (``check``), report the
status of models (``standings``), and name a ``folder`` of files that a version is logged with.
"""


def load_provider(name: str) -> ModuleType:
    """Return the module of the provider ``name``.

    Raises:
        ProfileError: There is no provider of that name.
    """
    if name not in MODULES:
        raise ProfileError(f"there is no provider of that name; use one of {', '.join(MODULES)}")
    return import_module(MODULES[name], __package__)
