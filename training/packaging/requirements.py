"""The exact requirements that a profile serves with."""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

from model.errors import CommandError

BASE = (
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


def closure(names: Iterable[str]) -> list[str]:
    """``names`` and all that they need, as "name==version" of what is installed, sorted.

    Raises CommandError when one is not installed.
    """
    found: dict[str, str] = {}
    ahead = [(name, frozenset[str]()) for name in names]
    seen = set(ahead)
    while ahead:
        name, extras = ahead.pop()
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise CommandError(f"the package {name} is not installed; run make .venv, or pip install it") from None
        found[_normal(name)] = installed.version
        wanted = [Requirement(text) for text in installed.requires or []]
        needed = {(_normal(one.name), frozenset(one.extras)) for one in wanted if _applies(one, extras)}
        ahead += needed - seen
        seen |= needed
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    return requirement.marker is None or any(
        requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""})
    )


def _normal(name: str) -> str:
    """A distribution's name as packaging compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
