"""Versions and aliases in the MLflow registry."""

from contextlib import redirect_stderr
from io import StringIO

import mlflow
from mlflow import MlflowClient

ALIAS = "champion"
"""The alias that serving follows."""


def register(uri: str, name: str, tags: dict[str, str] | None = None) -> str:
    """Registers the logged model ``uri`` as the next version of ``name``, with ``tags``; gives that version."""
    with redirect_stderr(StringIO()):  # it prints what the caller tells in its own words; errors are raised
        return str(mlflow.register_model(uri, name, tags=tags).version)


def promote(name: str, version: str) -> None:
    """Points the serving alias at ``version``; versions before it stay as they are."""
    MlflowClient().set_registered_model_alias(name, ALIAS, version)


def store() -> str:
    """Where versions are registered."""
    return str(mlflow.get_registry_uri())
