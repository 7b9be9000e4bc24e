"""The versions of a model: which is served, what each was promoted on, when its models end, how large its index is."""

import json
from collections.abc import Iterator
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from model.errors import CommandError

from . import registry
from .registry import AT, BY, DECISION, EVALUATED, FORGOTTEN, REASON, REPLACED, ROLLED_BACK

ENDS = "model_ends"
"""The tag of a version that holds, as JSON, the day on which each model that it asks ends, where it is known."""
SIZE = ("documents", "chunks", "index_bytes")
"""The tags of a version that tell the size of its index."""
ELSEWHERE = "index_elsewhere"
"""The tag of a version that searches in an index of AI Search: its name, and its size when it was described."""
_SHOWN = ("recall", "answer_recall", "answered", "refused", "error", "seconds", "cost")


def history(name: str) -> Iterator[str]:
    """Lines about each version, newest first. Raises CommandError when there is none."""
    found = sorted(registry.versions(name), key=lambda one: -int(one.version))
    if not found:
        raise CommandError(f"{name} has no version in {registry.store()}; python -m training run makes one")
    for one in found:
        yield from _lines(MlflowClient().get_model_version(name, one.version))  # a search leaves out the aliases


def _lines(version: ModelVersion) -> Iterator[str]:
    tags, aliases = version.tags, ", ".join(version.aliases)
    yield f"Version {version.version}{f' ({aliases})' if aliases else ''}, index of {_size(tags)}"
    if DECISION in tags:
        replaced = f", in place of {tags[REPLACED]}" if REPLACED in tags else ""
        yield f"  {tags[DECISION]}{replaced} on {tags[AT]} by {tags[BY]}: {tags[REASON]}"
    if ROLLED_BACK in tags:
        yield f"  taken back on {tags[ROLLED_BACK]}"
    measured = _measured(tags.get(EVALUATED, ""))
    if measured:
        yield f"  measured: {measured}"
    if ENDS in tags:
        yield f"  models end: {', '.join(f'{model} {day}' for model, day in _ends(tags))}"
    if FORGOTTEN in tags:
        yield f"  holds what was to be forgotten: {', '.join(json.loads(tags[FORGOTTEN]))}"


def _size(tags: dict[str, str]) -> str:
    if ELSEWHERE in tags:
        return tags[ELSEWHERE]
    if not tags.keys() >= set(SIZE):
        return "unknown size"
    documents, chunks, size = (int(tags[name]) for name in SIZE)
    return f"{documents:,} documents, {chunks:,} chunks, {size / 1e6:.1f} MB"


def _measured(run: str) -> str:
    """The figures of an evaluation's run, as far as it is still there."""
    try:
        metrics: dict[str, Any] = MlflowClient().get_run(run).data.metrics if run else {}
    except MlflowException:
        return "its run is not there any more"
    return ", ".join(f"{name} {metrics[name]:.4g}" for name in _SHOWN if name in metrics)


def _ends(tags: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(json.loads(tags[ENDS]).items(), key=lambda one: one[1])
