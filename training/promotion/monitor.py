"""For a scheduler: is what is served still what was promoted?

Documents that changed at their source since the index was built, models of which soon none is left, and answers of
the last days that differ from those of the promotion.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from model.errors import CommandError
from model.profile import MODEL_SETTINGS, Profile
from model.runtime.event_loop import Engine

from ..documents.load import load_documents
from ..evaluation.dataset import EVALUATION_TRACE_TAG
from ..indexing.index_update import DocumentDiff
from ..verification.preflight import distinct_entries, model_statuses
from ..versions import registry
from ..versions.registry import EVALUATION_TAG

NEAR_DAYS = 60
"""Days within which a list of models must not end whole."""
DOCUMENTS, MODELS, ANSWERS = 8, 16, 32
"""What each finding adds to the exit code."""
_SIGNIFICANCE = 0.01
_MIN_SHARE_CHANGE, _MIN_DISTANCE = 0.1, 0.2
"""Differences that are worth a word: of the share of refused questions, and between two distributions."""
_MIN_ROWS, _MAX_TRACES = 20, 1000


@dataclass(frozen=True, slots=True)
class MonitorFinding:
    """A sentence, and what it adds to the exit code; 0 when all is as it should be, or nothing could be compared."""

    message: str
    code: int = 0


def check_champion(
    name: str, documents: Sequence[object], days: int, today: date | None = None
) -> Iterator[MonitorFinding]:
    """What is to be known of the champion of ``name``. Raises CommandError when there is none."""
    champion = registry.find_champion(name)
    if champion is None:
        raise CommandError(
            f"{name} has no version with the alias {registry.CHAMPION_ALIAS}; python -m training run makes one"
        )
    uri = f"models:/{name}/{champion.version}"
    profile = load_version_profile(uri)
    yield _check_documents(uri, profile, documents)
    yield from _check_models(profile, today or datetime.now(tz=UTC).date())
    yield from _check_answers(champion, days)


def load_version_profile(uri: str) -> Profile:
    """The profile that a version was logged with, from its own files."""
    metadata = mlflow.models.get_model_info(uri).metadata or {}
    if "fingerprint" not in metadata:
        raise CommandError(f"{uri} is no version of this project; training verify tells what works of it")
    file = f"{uri}/code/multichain_{metadata['fingerprint']}/profiles/{metadata['profile']}.yaml"
    return Profile.read(mlflow.artifacts.download_artifacts(file))


def _check_documents(uri: str, profile: Profile, documents: Sequence[object]) -> MonitorFinding:
    if not profile.backend.IS_LOCAL:
        return MonitorFinding(f"Documents: not compared; {profile.index['name']} is kept as its table is")
    if not documents:
        return MonitorFinding("Documents: not compared; name them with --documents")
    diff = DocumentDiff.between(registry.read_documents(uri), load_documents(documents).digests)
    if not diff.has_changes:
        return MonitorFinding(f"Documents: {len(diff.unchanged):,}, all as they were")
    return MonitorFinding(f"Documents: {diff.in_words}; python -m training run --update takes them in", DOCUMENTS)


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
                    f"Models: {where}: all end within {NEAR_DAYS} days ({names}); name another", MODELS
                )
            elif statuses:
                yield MonitorFinding(
                    f"Models: {where}: {statuses[0].name} and {len(statuses) - 1} more, not all of which end soon"
                )


def _check_answers(served: ModelVersion, days: int) -> Iterator[MonitorFinding]:
    """Refusals and scores of recent traces against those of the rows that the version was promoted on."""
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
    from scipy.stats import fisher_exact  # a second

    counts = [
        (sum(row["abstained"] for row in rows_of_period), len(rows_of_period))
        for rows_of_period in (promotion_rows, recent_rows)
    ]
    (was, rows), (are, recent_count) = counts
    chance = fisher_exact([[was, rows - was], [are, recent_count - are]]).pvalue
    sentence = (
        f"Answers: {are / recent_count:.0%} of {recent_count} refused in {days} days, {was / rows:.0%} at the promotion"
    )
    return MonitorFinding(
        sentence, ANSWERS if chance < _SIGNIFICANCE and abs(are / recent_count - was / rows) > _MIN_SHARE_CHANGE else 0
    )


def _check_scores(
    promotion_rows: Sequence[dict[str, Any]], recent_rows: Sequence[dict[str, Any]], days: int
) -> MonitorFinding:
    from scipy.stats import ks_2samp  # a second

    promotion_scores, recent_scores = ([row["support"] for row in test] for test in (promotion_rows, recent_rows))
    test = ks_2samp(promotion_scores, recent_scores)
    middle = [sorted(values)[len(values) // 2] for values in (recent_scores, promotion_scores)]
    sentence = f"Answers: the median score is {middle[0]:.2f} in {days} days, {middle[1]:.2f} at the promotion"
    return MonitorFinding(sentence, ANSWERS if test.pvalue < _SIGNIFICANCE and test.statistic > _MIN_DISTANCE else 0)


def _promotion_rows(served: ModelVersion) -> list[dict[str, Any]]:
    """The rows of the version's evaluation that were answered or refused."""
    run = served.tags.get("gate_run") or served.tags.get(EVALUATION_TAG)
    try:
        text = mlflow.artifacts.load_text(f"runs:/{run}/rows.json") if run else "[]"
    except MlflowException:
        return []
    return [row for row in json.loads(text) if "support" in row and not row["error"]]


def _recent_outputs(served: ModelVersion, days: int) -> Iterator[dict[str, Any]]:
    """What the stages that answer gave to users' requests."""
    since = int((datetime.now(tz=UTC) - timedelta(days=days)).timestamp() * 1000)
    filter_string = f"tags.`multichain.version` = '{served.version}' AND trace.timestamp_ms > {since}"
    for trace in mlflow.search_traces(filter_string=filter_string, max_results=_MAX_TRACES, return_type="list"):
        root = next((span for span in trace.data.spans if span.parent_id is None), None)
        if root is None or EVALUATION_TRACE_TAG in trace.info.tags:
            continue
        yield from (output for output in (root.outputs or {}).values() if output.get("ran") and "support" in output)
