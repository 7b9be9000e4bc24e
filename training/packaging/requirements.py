"""Pin the distributions that a version of a profile needs, with everything that they require."""

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
"""Distributions that every version needs: for predict, for retrieval, and for MLflow's pyfunc flavour."""


def pin_closure(names: Iterable[str]) -> list[str]:
    """Return the installed versions of distributions and of everything that they require.

    Args:
        names: Names of distributions.

    Returns:
        Sorted lines of the form ``name==version``.

    Raises:
        CommandError: A distribution is not installed.
    """
    pins: dict[str, str] = {}
    pending = [(name, frozenset[str]()) for name in names]
    visited = set(pending)
    while pending:
        name, extras = pending.pop()
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise CommandError(f"the package {name} is not installed; run make .venv/ready, or install it") from None
        pins[_normalize_name(name)] = installed.version
        requirements = [Requirement(text) for text in installed.requires or []]
        needed = {
            (_normalize_name(requirement.name), frozenset(requirement.extras))
            for requirement in requirements
            if _is_applicable(requirement, extras)
        }
        pending += needed - visited
        visited |= needed
    return [f"{name}=={version}" for name, version in sorted(pins.items())]


def _is_applicable(requirement: Requirement, extras: frozenset[str]) -> bool:
    return requirement.marker is None or any(
        requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""})
    )


def _normalize_name(name: str) -> str:
    """Return the name of a distribution in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
