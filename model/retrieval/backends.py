"""List where a profile's passages can be: in a local index, or in an index of Databricks AI Search."""

from importlib import import_module
from types import ModuleType

MODULES = {"faiss": ".local.hybrid", "ai_search": ".ai_search.retriever"}
"""Value of ``retriever`` in a profile → module.

Each module says whether a version holds the index itself (``IS_LOCAL``), lists ``required_distributions``, checks the
profile's section ``index`` (``find_setting_errors``), opens what a build left in a folder (``open_index``), and makes
the retriever (``make_retriever``).
"""
DEFAULT = "faiss"
"""The backend of a profile that names none."""


def load_backend(name: str) -> ModuleType:
    """Return the module of the backend ``name``, which is one of MODULES."""
    return import_module(MODULES[name], __package__)
