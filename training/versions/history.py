"""List the versions of a model: which is served, why each was promoted, when its models end, how large its index is."""

import json
from collections.abc import Iterator
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from model.errors import CommandError

from . import registry
from .registry import (
    DECISION_TAG,
    EVALUATION_TAG,
    FORGOTTEN_TAG,
    REASON_TAG,
    REPLACED_TAG,
    ROLLED_BACK_TAG,
    TIME_TAG,
    USER_TAG,
)

MODEL_ENDS_TAG = "model_ends"
"""Tag of a version: the day on which each of its models ends, as JSON, where the day is known."""
SIZE_TAGS = ("documents", "chunks", "index_bytes")
"""Tags of a version: the size of its index."""
REMOTE_INDEX_TAG = "index_elsewhere"
"""Tag of a version that searches an index of AI Search: the index's name, and its size when it was described."""
_SHOWN_METRICS = ("recall", "answer_recall", "answered", "refused", "error", "seconds", "cost")


def list_history(name: str) -> Iterator[str]:
    """Yield lines about each version of a model, newest first.

    Raises:
        CommandError: The model has no version.
    """
    newest_first = sorted(registry.list_versions(name), key=lambda version: -int(version.version))
    if not newest_first:
        raise CommandError(f"{name} has no version in {registry.registry_uri()}; python -m training run makes one")
    for version in newest_first:
        # a search omits the aliases
        yield from _describe_version(MlflowClient().get_model_version(name, version.version))


def _describe_version(version: ModelVersion) -> Iterator[str]:
    tags, aliases = version.tags, ", ".join(version.aliases)
    yield f"Version {version.version}{f' ({aliases})' if aliases else ''}, index of {_describe_size(tags)}"
    if DECISION_TAG in tags:
        replaced = f", in place of {tags[REPLACED_TAG]}" if REPLACED_TAG in tags else ""
        yield f"  {tags[DECISION_TAG]}{replaced} on {tags[TIME_TAG]} by {tags[USER_TAG]}: {tags[REASON_TAG]}"
    if registry.CHAMPION_ALIAS in version.aliases and tags.get(DECISION_TAG, "refused") == "refused":
        yield "  served without a noted decision: a promotion was ended too early, or the alias was set by hand"
    if ROLLED_BACK_TAG in tags:
        yield f"  rolled back on {tags[ROLLED_BACK_TAG]}"
    metrics = _describe_metrics(tags.get(EVALUATION_TAG, ""))
    if metrics:
        yield f"  measured: {metrics}"
    if MODEL_ENDS_TAG in tags:
        yield f"  models end: {', '.join(f'{model} {day}' for model, day in _model_ends(tags))}"
    if FORGOTTEN_TAG in tags:
        yield f"  contains forgotten documents: {', '.join(json.loads(tags[FORGOTTEN_TAG]))}"


def _describe_size(tags: dict[str, str]) -> str:
    if REMOTE_INDEX_TAG in tags:
        return tags[REMOTE_INDEX_TAG]
    if not tags.keys() >= set(SIZE_TAGS):
        return "unknown size"
    documents, chunks, size = (int(tags[name]) for name in SIZE_TAGS)
    return f"{documents:,} documents, {chunks:,} chunks, {size / 1e6:.1f} MB"


def _describe_metrics(run: str) -> str:
    """Return the metrics of an evaluation's run; a text that says so when the run no longer exists."""
    try:
        metrics: dict[str, Any] = MlflowClient().get_run(run).data.metrics if run else {}
    except MlflowException:
        return "the run of the evaluation no longer exists"
    return ", ".join(f"{name} {metrics[name]:.4g}" for name in _SHOWN_METRICS if name in metrics)


def _model_ends(tags: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(json.loads(tags[MODEL_ENDS_TAG]).items(), key=lambda entry: entry[1])
