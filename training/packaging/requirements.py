"""The exact requirements that a profile serves with."""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

from model.errors import CommandError

BASE_DISTRIBUTIONS = (
    "mlflow",
    "pandas",
    "numpy",
    "pyyaml",
    "faiss-cpu",
    "scipy",
    "pystemmer",
    "cloudpickle",
    "cachetools",
    "diskcache",
)
"""What every profile serves with: the way in, retrieval, and what MLflow's pyfunc flavour asks of an environment."""


def pin_closure(names: Iterable[str]) -> list[str]:
    """``names`` and all that they need, as "name==version" of what is installed, sorted.

    Raises CommandError when one is not installed.
    """
    pins: dict[str, str] = {}
    ahead = [(name, frozenset[str]()) for name in names]
    visited = set(ahead)
    while ahead:
        name, extras = ahead.pop()
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise CommandError(f"the package {name} is not installed; run make .venv, or pip install it") from None
        pins[_normalize_name(name)] = installed.version
        requirements = [Requirement(text) for text in installed.requires or []]
        needed = {
            (_normalize_name(requirement.name), frozenset(requirement.extras))
            for requirement in requirements
            if _is_applicable(requirement, extras)
        }
        ahead += needed - visited
        visited |= needed
    return [f"{name}=={version}" for name, version in sorted(pins.items())]


def _is_applicable(requirement: Requirement, extras: frozenset[str]) -> bool:
    return requirement.marker is None or any(
        requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""})
    )


def _normalize_name(name: str) -> str:
    """A distribution's name as packaging compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
