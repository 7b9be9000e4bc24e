"""The versions of a model: which is served, what each was promoted on, when its models end, how large its index is."""

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
"""The tag of a version that holds, as JSON, the day on which each model that it asks ends, where it is known."""
SIZE_TAGS = ("documents", "chunks", "index_bytes")
"""The tags of a version that tell the size of its index."""
REMOTE_INDEX_TAG = "index_elsewhere"
"""The tag of a version that searches in an index of AI Search: its name, and its size when it was described."""
_SHOWN_METRICS = ("recall", "answer_recall", "answered", "refused", "error", "seconds", "cost")


def list_history(name: str) -> Iterator[str]:
    """Lines about each version, newest first. Raises CommandError when there is none."""
    newest_first = sorted(registry.list_versions(name), key=lambda version: -int(version.version))
    if not newest_first:
        raise CommandError(f"{name} has no version in {registry.registry_uri()}; python -m training run makes one")
    for version in newest_first:
        yield from _describe_version(
            MlflowClient().get_model_version(name, version.version)
        )  # a search leaves out the aliases


def _describe_version(version: ModelVersion) -> Iterator[str]:
    tags, aliases = version.tags, ", ".join(version.aliases)
    yield f"Version {version.version}{f' ({aliases})' if aliases else ''}, index of {_describe_size(tags)}"
    if DECISION_TAG in tags:
        replaced = f", in place of {tags[REPLACED_TAG]}" if REPLACED_TAG in tags else ""
        yield f"  {tags[DECISION_TAG]}{replaced} on {tags[TIME_TAG]} by {tags[USER_TAG]}: {tags[REASON_TAG]}"
    if ROLLED_BACK_TAG in tags:
        yield f"  taken back on {tags[ROLLED_BACK_TAG]}"
    measured = _describe_metrics(tags.get(EVALUATION_TAG, ""))
    if measured:
        yield f"  measured: {measured}"
    if MODEL_ENDS_TAG in tags:
        yield f"  models end: {', '.join(f'{model} {day}' for model, day in _model_ends(tags))}"
    if FORGOTTEN_TAG in tags:
        yield f"  holds what was to be forgotten: {', '.join(json.loads(tags[FORGOTTEN_TAG]))}"


def _describe_size(tags: dict[str, str]) -> str:
    if REMOTE_INDEX_TAG in tags:
        return tags[REMOTE_INDEX_TAG]
    if not tags.keys() >= set(SIZE_TAGS):
        return "unknown size"
    documents, chunks, size = (int(tags[name]) for name in SIZE_TAGS)
    return f"{documents:,} documents, {chunks:,} chunks, {size / 1e6:.1f} MB"


def _describe_metrics(run: str) -> str:
    """The figures of an evaluation's run, as far as it is still there."""
    try:
        metrics: dict[str, Any] = MlflowClient().get_run(run).data.metrics if run else {}
    except MlflowException:
        return "its run is not there any more"
    return ", ".join(f"{name} {metrics[name]:.4g}" for name in _SHOWN_METRICS if name in metrics)


def _model_ends(tags: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(json.loads(tags[MODEL_ENDS_TAG]).items(), key=lambda entry: entry[1])
