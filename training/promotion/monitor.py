"""Check for a scheduler what changed since the champion was promoted.

The checks are: documents that changed at their source since the index was built, model lists of which soon no model is
left, and recent answers that differ from those of the promotion.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from model.errors import CommandError, MultichainError
from model.profile import LOCAL_PROVIDERS, MODEL_SETTINGS, Profile
from model.runtime.event_loop import Engine

from ..documents.load import LoadOptions, load_documents
from ..evaluation.dataset import EVALUATION_TRACE_TAG
from ..indexing.build import complete_options
from ..indexing.index_update import DocumentDiff
from ..indexing.text_embedder import has_same_vector
from ..verification.preflight import distinct_entries, model_statuses
from ..versions import registry
from ..versions.registry import EVALUATION_TAG

NEAR_DAYS = 60
"""Days within which not every model of a list may end."""
DOCUMENTS, MODELS, ANSWERS = 8, 16, 32
"""Bits that the findings add to the exit code."""
_SIGNIFICANCE = 0.01  # of either test of answers
_MIN_SHARE_CHANGE, _MIN_DISTANCE = 0.1, 0.2
"""Smallest differences that count: of the share of refused questions, and between two distributions of support."""
_MIN_ROWS, _MAX_TRACES = 20, 1000  # recent answers that a comparison needs; traces that are read


@dataclass(frozen=True, slots=True)
class MonitorFinding:
    """A sentence, and the bit for the exit code: 0 when nothing changed or nothing could be compared."""

    message: str
    code: int = 0


def check_champion(
    name: str,
    documents: Sequence[object],
    days: int,
    today: date | None = None,
    load_options: LoadOptions | None = None,
) -> Iterator[MonitorFinding]:
    """Yield findings on the documents, models and answers of the champion.

    Args:
        name: Registered model.
        documents: Locations of the documents as they are now; empty to skip their comparison.
        days: Number of days whose answers are compared.
        today: Day on which ends of models are counted from; today by default.
        load_options: How to read the documents, as at the build of the champion's index; None for the defaults.

    Raises:
        CommandError: The model has no champion, or the champion was not logged by this project.
    """
    champion = registry.find_champion(name)
    if champion is None:
        raise CommandError(
            f"{name} has no version with the alias {registry.CHAMPION_ALIAS}; python -m training run makes one"
        )
    uri = f"models:/{name}/{champion.version}"
    profile = load_version_profile(uri)
    yield _check_documents(uri, profile, documents, load_options)
    yield from _check_vectors(uri, profile)
    yield from _check_models(profile, today or datetime.now(tz=UTC).date())
    yield from _check_answers(champion, days)


def load_version_profile(uri: str) -> Profile:
    """Return the profile that a version was logged with, from the version's own files.

    Raises:
        CommandError: The version was not logged by this project.
    """
    metadata = mlflow.models.get_model_info(uri).metadata or {}
    if "fingerprint" not in metadata:
        raise CommandError(f"{uri} was not logged by this project; python -m training verify shows what works of it")
    file = f"{uri}/code/multichain_{metadata['fingerprint']}/profiles/{metadata['profile']}.yaml"
    return Profile.read(mlflow.artifacts.download_artifacts(file))


def _check_documents(
    uri: str, profile: Profile, documents: Sequence[object], load_options: LoadOptions | None
) -> MonitorFinding:
    if not profile.backend.is_local:
        return MonitorFinding(f"Documents: not compared; AI Search updates {profile.index['name']} from its table")
    if not documents:
        return MonitorFinding("Documents: not compared; name them with --documents")
    diff = DocumentDiff.between(
        registry.read_documents(uri), load_documents(documents, complete_options(profile, load_options)).digests
    )
    if not diff.has_changes:
        return MonitorFinding(f"Documents: {len(diff.unchanged):,}, all unchanged")
    return MonitorFinding(f"Documents: {diff.in_words}; python -m training run --update indexes them", DOCUMENTS)


def _check_vectors(uri: str, profile: Profile) -> Iterator[MonitorFinding]:
    """Compare the vector of a fixed text with that of the index: another model may answer to the same name."""
    embedding = registry.read_index_manifest(uri).get("embedding") or {}
    if not embedding or embedding["provider"] in LOCAL_PROVIDERS:  # a local model is logged with the version
        return
    name = f"{embedding['provider']}:{embedding['model']}"
    try:
        is_same = has_same_vector(profile.make_embedder(), embedding)
    except MultichainError as error:
        yield MonitorFinding(f"Vectors: not compared; {error}")
        return
    if is_same:
        yield MonitorFinding(f"Vectors: {name} returns those of the index")
    else:
        yield MonitorFinding(f"Vectors: {name} returns other ones than those of the index; build it again", MODELS)


def _check_models(profile: Profile, today: date) -> Iterator[MonitorFinding]:
    engine, last_day = Engine(), today + timedelta(days=NEAR_DAYS)
    for entry, roles in distinct_entries(profile):
        where = ", ".join(stage or "the index" for stage, _ in roles)
        for key in MODEL_SETTINGS:
            statuses = model_statuses(engine, entry, key)
            if statuses and all(
                status.end_date and date.fromisoformat(status.end_date) <= last_day for status in statuses
            ):
                names = ", ".join(f"{status.name} on {status.end_date}" for status in statuses)
                yield MonitorFinding(
                    f"Models: {where}: all end within {NEAR_DAYS} days ({names}); name another model", MODELS
                )
            elif statuses:
                yield MonitorFinding(
                    f"Models: {where}: {statuses[0].name} and {len(statuses) - 1} more, "
                    f"not all end within {NEAR_DAYS} days"
                )


def _check_answers(served: ModelVersion, days: int) -> Iterator[MonitorFinding]:
    """Compare refusals and support of recent traces with those of the examples on which the version was promoted."""
    promotion_rows, recent_rows = _promotion_rows(served), list(_recent_outputs(served, days))
    if not promotion_rows:
        yield MonitorFinding("Answers: not compared; the champion was promoted without --evaluation")
    elif len(recent_rows) < _MIN_ROWS:
        yield MonitorFinding(
            f"Answers: not compared; {len(recent_rows)} were traced in {days} days, and {_MIN_ROWS} are needed"
        )
    else:
        yield _check_refusals(promotion_rows, recent_rows, days)
        yield _check_scores(promotion_rows, recent_rows, days)


def _check_refusals(
    promotion_rows: Sequence[dict[str, Any]], recent_rows: Sequence[dict[str, Any]], days: int
) -> MonitorFinding:
    from scipy.stats import fisher_exact  # the import takes a second

    counts = [
        (sum(row["abstained"] for row in rows_of_period), len(rows_of_period))
        for rows_of_period in (promotion_rows, recent_rows)
    ]
    (refused_before, count_before), (refused_now, count_now) = counts
    share_before, share_now = refused_before / count_before, refused_now / count_now
    chance = fisher_exact(
        [[refused_before, count_before - refused_before], [refused_now, count_now - refused_now]]
    ).pvalue
    sentence = f"Answers: {share_now:.0%} of {count_now} refused in {days} days, {share_before:.0%} at the promotion"
    return MonitorFinding(
        sentence, ANSWERS if chance < _SIGNIFICANCE and abs(share_now - share_before) > _MIN_SHARE_CHANGE else 0
    )


def _check_scores(
    promotion_rows: Sequence[dict[str, Any]], recent_rows: Sequence[dict[str, Any]], days: int
) -> MonitorFinding:
    from scipy.stats import ks_2samp  # the import takes a second

    promotion_scores, recent_scores = ([row["support"] for row in rows] for rows in (promotion_rows, recent_rows))
    test = ks_2samp(promotion_scores, recent_scores)
    medians = [sorted(values)[len(values) // 2] for values in (recent_scores, promotion_scores)]
    sentence = f"Answers: the median support is {medians[0]:.2f} in {days} days, {medians[1]:.2f} at the promotion"
    return MonitorFinding(sentence, ANSWERS if test.pvalue < _SIGNIFICANCE and test.statistic > _MIN_DISTANCE else 0)


def _promotion_rows(served: ModelVersion) -> list[dict[str, Any]]:
    """Return the rows of the version's evaluation that were answered or refused."""
    run = served.tags.get("gate_run") or served.tags.get(EVALUATION_TAG)
    try:
        text = mlflow.artifacts.load_text(f"runs:/{run}/rows.json") if run else "[]"
    except MlflowException:
        return []
    return [row for row in json.loads(text) if "support" in row and not row["error"]]


def _recent_outputs(served: ModelVersion, days: int) -> Iterator[dict[str, Any]]:
    """Yield the outputs of the stages that answer questions, from traces of users' requests."""
    since = int((datetime.now(tz=UTC) - timedelta(days=days)).timestamp() * 1000)
    filter_string = f"tags.`multichain.version` = '{served.version}' AND trace.timestamp_ms > {since}"
    for trace in mlflow.search_traces(filter_string=filter_string, max_results=_MAX_TRACES, return_type="list"):
        root = next((span for span in trace.data.spans if span.parent_id is None), None)
        if root is None or EVALUATION_TRACE_TAG in trace.info.tags:
            continue
        yield from (output for output in (root.outputs or {}).values() if output.get("ran") and "support" in output)
