"""Load objects that a profile names by import path: a Runnable of a user's package, a chat model's class."""

import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ProfileError

LOGGED_CODE = Path(__file__).parents[2]
"""Folder in which a logged version keeps the packages that were logged with it."""


def load_object(path: str) -> Any:  # whatever is there
    """Return the object at ``package.module:name``.

    Raises:
        ProfileError: There is no such object, or another copy of its package was imported before.
    """
    module, _, attribute = path.partition(":")
    if not attribute or not module or module.startswith("."):
        raise ProfileError(f"{path} is not an import path; write it as package.module:name")
    try:
        loaded: Any = import_module(module)
        for name in attribute.split("."):
            loaded = getattr(loaded, name)
    except ImportError as error:
        raise ProfileError(f"{path} cannot be imported ({error}); is it in this folder, or installed?") from None
    except AttributeError:
        raise ProfileError(f"{module} has no {attribute}; write the path as package.module:name") from None
    _check_copy(module.partition(".")[0])
    return loaded


def find_distributions(path: str) -> set[str]:
    """Return the installed distributions that provide the package of ``path``; none for a user's own package."""
    return set(packages_distributions().get(path.partition(":")[0].partition(".")[0], []))


def is_own_package(path: str) -> bool:
    """Return whether the package of ``path`` is a user's own: neither Python nor a distribution provides it."""
    return not find_distributions(path) and path.partition(":")[0].partition(".")[0] not in sys.stdlib_module_names


def locate_package(path: str) -> Path:
    """Return the folder, or the single file, of the top-level package of ``path``.

    Raises:
        ProfileError: There is no such package.
    """
    top = path.partition(":")[0].partition(".")[0]
    spec = find_spec(top)
    if spec is None or not (spec.origin or spec.submodule_search_locations):
        raise ProfileError(f"there is no package {top}; is it in this folder, or installed?")
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(str(spec.origin))


def read_code(root: Path) -> dict[str, bytes]:
    """Return the files of a package by their paths beside it, sorted, without bytecode and hidden files."""
    paths = [root] if root.is_file() else sorted(root.rglob("*"))
    files = {path.relative_to(root.parent).as_posix(): path for path in paths if path.is_file()}
    hidden = (name for name in files if any(part.startswith((".", "__pycache__")) for part in name.split("/")))
    for name in list(hidden):
        del files[name]
    return {name: path.read_bytes() for name, path in files.items() if path.suffix != ".pyc"}


def _check_copy(top: str) -> None:
    """Raise ProfileError when another copy of ``top`` was imported before the one that belongs to this version."""
    logged = next(
        (candidate for candidate in (LOGGED_CODE / top, LOGGED_CODE / f"{top}.py") if candidate.exists()), None
    )
    location = getattr(sys.modules[top], "__file__", None) or next(iter(getattr(sys.modules[top], "__path__", [])), "")
    imported = Path(str(location))  # empty for a module inside Python itself
    imported = imported.parent if imported.name == "__init__.py" else imported
    if logged and logged != imported and read_code(logged) != read_code(imported):
        raise ProfileError(
            f"another {top} is imported already, from {imported}, and this version was logged with other code in it; "
            "load the version in a process of its own, or from another folder"
        )
