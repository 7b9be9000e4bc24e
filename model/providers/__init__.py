"""The providers that a profile can name, each imported when it is first used."""

from importlib import import_module
from types import ModuleType

from ..errors import ProfileError

MODULES = {"offline": ".offline", "openai": ".openai", "compatible": ".compatible", "langchain": ".langchain"}
"""Provider name → module, which gives some of ``embeddings``, ``chat`` and ``images``, and what each ``requires``."""


def provider(name: str) -> ModuleType:
    """The module of that provider. Raises ProfileError when there is none."""
    if name not in MODULES:
        raise ProfileError(f"there is no provider of that name; use one of {', '.join(MODULES)}")
    return import_module(MODULES[name], __package__)
