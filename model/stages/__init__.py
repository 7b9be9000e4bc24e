"""The kinds of stage that a profile can name: each is a module here, with one class.

What a stage of one's own needs is imported from here, and stays.
"""

from importlib import import_module
from pkgutil import iter_modules

from ..contract.events import Tell
from ..contract.fields import Field, Values
from ..errors import ProfileError
from ..passages import Passage
from ..retrieval.retriever import Retriever
from .base import Stage

__all__ = ["Field", "Passage", "Retriever", "Stage", "Tell", "Values", "kind", "kinds"]


def kinds() -> list[str]:
    """The names of all kinds."""
    return sorted(module.name for module in iter_modules(__path__) if module.name != "base")


def kind(name: str) -> type[Stage]:
    """The class of that kind; its module is imported when it is first asked for. Raises ProfileError."""
    if name not in kinds():
        raise ProfileError(f"there is no kind of that name; use one of {', '.join(kinds())}")
    module = import_module(f".{name}", __package__)
    found = (made for made in vars(module).values() if isinstance(made, type) and made.__module__ == module.__name__)
    return next(made for made in found if issubclass(made, Stage))
