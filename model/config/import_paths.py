"""Objects that a profile names by import path: a Runnable of one's own, a chat model's class."""

import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ProfileError

SHIPPED = Path(__file__).parents[2]
"""The folder where a logged version has the packages that were logged with it, beside this one."""


def named(path: str) -> Any:  # whatever is there
    """The object at ``package.module:name``. Raises ProfileError when there is none, or it is not what was logged."""
    module, _, attribute = path.partition(":")
    if not attribute:
        raise ProfileError(f"{path} is no import path; write it as package.module:name")
    try:
        found: Any = import_module(module)
        for name in attribute.split("."):
            found = getattr(found, name)
    except ImportError as error:
        raise ProfileError(f"{path} cannot be imported ({error}); is it in this folder, or installed?") from None
    except AttributeError:
        raise ProfileError(f"{module} has no {attribute}; write the path as package.module:name") from None
    _check(module.partition(".")[0])
    return found


def distributions(path: str) -> set[str]:
    """The installed distributions that bring the package at ``path``; none for a package of one's own."""
    return set(packages_distributions().get(path.partition(":")[0].partition(".")[0], []))


def own(path: str) -> bool:
    """Whether the package at ``path`` is one's own: neither Python nor a distribution brings it."""
    return not distributions(path) and path.partition(":")[0].partition(".")[0] not in sys.stdlib_module_names


def package(path: str) -> Path:
    """The folder, or the one file, of the top-level package at ``path``. Raises ProfileError."""
    top = path.partition(":")[0].partition(".")[0]
    spec = find_spec(top)
    if spec is None or not (spec.origin or spec.submodule_search_locations):
        raise ProfileError(f"there is no package {top}; is it in this folder, or installed?")
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(str(spec.origin))


def code(place: Path) -> dict[str, bytes]:
    """The files of a package by their paths beside it, sorted; without bytecode and hidden ones."""
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    told = {path.relative_to(place.parent).as_posix(): path for path in files if path.is_file()}
    hidden = (name for name in told if any(part.startswith((".", "__pycache__")) for part in name.split("/")))
    for name in list(hidden):
        del told[name]
    return {name: path.read_bytes() for name, path in told.items() if path.suffix != ".pyc"}


def _check(top: str) -> None:
    """Raises ProfileError when another copy of ``top`` was imported before the one that belongs to this version."""
    ours = next((place for place in (SHIPPED / top, SHIPPED / f"{top}.py") if place.exists()), None)
    theirs = Path(str(getattr(sys.modules[top], "__file__", None) or next(iter(sys.modules[top].__path__))))
    theirs = theirs.parent if theirs.name == "__init__.py" else theirs
    if ours and ours != theirs and code(ours) != code(theirs):
        raise ProfileError(
            f"another {top} is imported already, from {theirs}, and this version was logged with other code in it; "
            "load the version in a process of its own, or from another folder"
        )
