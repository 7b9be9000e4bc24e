"""Where a profile's passages may lie: in an index of its own, or in one that Databricks AI Search holds."""

from importlib import import_module
from types import ModuleType

MODULES = {"faiss": ".local.hybrid", "ai_search": ".ai_search.retriever"}
"""The names that ``retriever`` may have in a profile → module.

Each tells whether a version holds the index itself (``OWN``), what is ``wrong`` with a profile's part ``index``, and
what it ``requires``; opens what a build left in a folder (``built``), and gives the ``retriever`` over that.
"""
DEFAULT = "faiss"
"""The one that a profile has which names none."""


def load_backend(name: str) -> ModuleType:
    """The module of that kind, which is one of MODULES."""
    return import_module(MODULES[name], __package__)
