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

from model import profile as profiles
from model.errors import CommandError
from model.profile import Profile
from model.runtime.event_loop import Engine

from ..documents.load import load
from ..evaluation.dataset import OF
from ..indexing.index_update import Changes
from ..verification.preflight import distinct, standing
from ..versions import registry
from ..versions.registry import EVALUATED

NEAR = 60
"""Days within which a list of models must not end whole."""
DOCUMENTS, MODELS, ANSWERS = 8, 16, 32
"""What each finding adds to the exit code."""
_LEVEL = 0.01
_SHARE, _DISTANCE = 0.1, 0.2
"""Differences that are worth a word: of the share of refused questions, and between two distributions."""
_FEWEST, _MOST = 20, 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence, and what it adds to the exit code; 0 when all is as it should be, or nothing could be compared."""

    sentence: str
    code: int = 0


def check(name: str, documents: Sequence[object], days: int, today: date | None = None) -> Iterator[Finding]:
    """What is to be known of the champion of ``name``. Raises CommandError when there is none."""
    served = registry.champion(name)
    if served is None:
        raise CommandError(f"{name} has no version with the alias {registry.ALIAS}; python -m training run makes one")
    uri = f"models:/{name}/{served.version}"
    profile = profile_of(uri)
    yield _documents(uri, profile, documents)
    yield from _models(profile, today or datetime.now(tz=UTC).date())
    yield from _answers(served, days)


def profile_of(uri: str) -> Profile:
    """The profile that a version was logged with, from its own files."""
    told = mlflow.models.get_model_info(uri).metadata or {}
    if "fingerprint" not in told:
        raise CommandError(f"{uri} is no version of this project; training verify tells what works of it")
    file = f"{uri}/code/multichain_{told['fingerprint']}/profiles/{told['profile']}.yaml"
    return Profile.read(mlflow.artifacts.download_artifacts(file))


def _documents(uri: str, profile: Profile, documents: Sequence[object]) -> Finding:
    if not profile.backend.IS_LOCAL:
        return Finding(f"Documents: not compared; {profile.index['name']} is kept as its table is")
    if not documents:
        return Finding("Documents: not compared; name them with --documents")
    told = Changes.between(registry.documents(uri), load(documents).digests)
    if not told.any:
        return Finding(f"Documents: {len(told.same):,}, all as they were")
    return Finding(f"Documents: {told.told}; python -m training run --update takes them in", DOCUMENTS)


def _models(profile: Profile, today: date) -> Iterator[Finding]:
    engine, last = Engine(), today + timedelta(days=NEAR)
    for told, roles in distinct(profile):
        where = ", ".join(stage or "the index" for stage, _ in roles)
        for key in profiles.MODEL_SETTINGS:
            found = standing(engine, told, key)
            if found and all(one.end_date and date.fromisoformat(one.end_date) <= last for one in found):
                names = ", ".join(f"{one.name} on {one.end_date}" for one in found)
                yield Finding(f"Models: {where}: all end within {NEAR} days ({names}); name another", MODELS)
            elif found:
                yield Finding(f"Models: {where}: {found[0].name} and {len(found) - 1} more, not all of which end soon")


def _answers(served: ModelVersion, days: int) -> Iterator[Finding]:
    """Refusals and scores of recent traces against those of the rows that the version was promoted on."""
    before, now = _promotion(served), list(_recent(served, days))
    if not before:
        yield Finding("Answers: not compared; the champion was promoted without --evaluation")
    elif len(now) < _FEWEST:
        yield Finding(f"Answers: not compared; {len(now)} were traced in {days} days, and {_FEWEST} are needed")
    else:
        yield _refusals(before, now, days)
        yield _scores(before, now, days)


def _refusals(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]], days: int) -> Finding:
    from scipy.stats import fisher_exact  # a second

    counts = [(sum(one["abstained"] for one in told), len(told)) for told in (before, now)]
    (was, rows), (are, asked) = counts
    chance = fisher_exact([[was, rows - was], [are, asked - are]]).pvalue
    sentence = f"Answers: {are / asked:.0%} of {asked} refused in {days} days, {was / rows:.0%} at the promotion"
    return Finding(sentence, ANSWERS if chance < _LEVEL and abs(are / asked - was / rows) > _SHARE else 0)


def _scores(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]], days: int) -> Finding:
    from scipy.stats import ks_2samp  # a second

    one, other = ([row["support"] for row in told] for told in (before, now))
    told = ks_2samp(one, other)
    middle = [sorted(values)[len(values) // 2] for values in (other, one)]
    sentence = f"Answers: the median score is {middle[0]:.2f} in {days} days, {middle[1]:.2f} at the promotion"
    return Finding(sentence, ANSWERS if told.pvalue < _LEVEL and told.statistic > _DISTANCE else 0)


def _promotion(served: ModelVersion) -> list[dict[str, Any]]:
    """The rows of the version's evaluation that were answered or refused."""
    run = served.tags.get("gate_run") or served.tags.get(EVALUATED)
    try:
        text = mlflow.artifacts.load_text(f"runs:/{run}/rows.json") if run else "[]"
    except MlflowException:
        return []
    return [row for row in json.loads(text) if "support" in row and not row["error"]]


def _recent(served: ModelVersion, days: int) -> Iterator[dict[str, Any]]:
    """What the stages that answer gave to users' requests."""
    since = int((datetime.now(tz=UTC) - timedelta(days=days)).timestamp() * 1000)
    wanted = f"tags.`multichain.version` = '{served.version}' AND trace.timestamp_ms > {since}"
    for trace in mlflow.search_traces(filter_string=wanted, max_results=_MOST, return_type="list"):
        root = next((span for span in trace.data.spans if span.parent_id is None), None)
        if root is None or OF in trace.info.tags:
            continue
        yield from (told for told in (root.outputs or {}).values() if told.get("ran") and "support" in told)
