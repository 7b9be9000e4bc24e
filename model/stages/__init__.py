"""List the kinds of stages: each module here is one kind, and contains one class.

Everything that a stage of your own needs is imported from here. These names stay.
"""

from importlib import import_module
from pkgutil import iter_modules

from ..contract.events import Emit
from ..contract.fields import Field, StageValues
from ..errors import ProfileError
from ..passages import Passage
from ..retrieval.retriever import Retriever
from .base import Stage

__all__ = ["Emit", "Field", "Passage", "Retriever", "Stage", "StageValues", "list_kinds", "load_kind"]


def list_kinds() -> list[str]:
    """Return the names of all kinds."""
    return sorted(module.name for module in iter_modules(__path__) if module.name != "base")


def load_kind(name: str) -> type[Stage]:
    """Return the class of the kind ``name``, importing its module on first use.

    Raises:
        ProfileError: There is no such kind, or its module does not define exactly one stage.
    """
    if name not in list_kinds():
        raise ProfileError(f"there is no kind of that name; use one of {', '.join(list_kinds())}")
    module = import_module(f".{name}", __package__)
    kinds = [
        candidate
        for candidate in vars(module).values()
        if isinstance(candidate, type) and candidate.__module__ == module.__name__ and issubclass(candidate, Stage)
    ]
    if len(kinds) != 1:
        raise ProfileError(f"model/stages/{name}.py defines {len(kinds)} stages; a kind is a module with one class")
    return kinds[0]
