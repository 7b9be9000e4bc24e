"""Before anything is paid: is every model of a profile reachable, permitted, and there to stay?

Asks each provider for its list of models, and makes one tiny call to each chat model list and to the embedding
model; never an image.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

import numpy as np

from model.contract.events import discard
from model.contract.fields import StageValues
from model.errors import MultichainError
from model.interfaces import ModelStatus
from model.profile import MODEL_SETTINGS, Profile, make_provider, named_models
from model.providers import load_provider
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.local.index import FINGERPRINT_TEXT, Index
from model.runtime.event_loop import Engine

WARNING_DAYS = 90
"""Days before its end from which on a model is warned of."""
_MIN_COSINE = 0.999
_TEST_MESSAGE = "Reply with the one word ok."

FindingLevel = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class PreflightFinding:
    """One thing that was found out."""

    level: FindingLevel
    message: str


@dataclass(slots=True)
class PreflightReport:
    """What was found out, and the day on which each model ends that is known to."""

    findings: list[PreflightFinding] = field(default_factory=list)
    end_dates: dict[str, str] = field(default_factory=dict)

    @property
    def has_failed(self) -> bool:
        """Whether the profile cannot answer."""
        return any(finding.level == "fail" for finding in self.findings)


def check_models(
    profile: Profile, index: Index | RemoteIndex | None = None, today: date | None = None
) -> PreflightReport:
    """What is to be known of the models of ``profile``; with ``index``, also whether its embeddings are the same.

    An index that is not the profile's own is asked, too.
    """
    report, flight = PreflightReport(), _ProfileCheck(profile, index, today or datetime.now(tz=UTC).date())
    if not profile.backend.IS_LOCAL:
        report.findings.append(_check_remote_index(profile))
    for entry, roles in distinct_entries(profile):
        for finding in flight.check_entry(entry, roles, report.end_dates):
            report.findings.append(finding)
    return report


def model_statuses(engine: Engine, entry: StageValues, setting: str) -> list[ModelStatus]:
    """How the models that an entry names stand, as its provider tells; none where it has no models or cannot tell."""
    module, models = load_provider(entry["provider"]), named_models(entry, setting)
    return engine.run(module.standings(models)) if models and hasattr(module, "standings") else []


def distinct_entries(profile: Profile) -> Iterator[tuple[StageValues, list[tuple[str, str]]]]:
    """Each provider's entry once, with the stages and roles that have it."""
    entries = profile.entries
    for number, (_, role, entry) in enumerate(entries):
        if all((role, entry) != other_entry[1:] for other_entry in entries[:number]):
            yield entry, [(stage, role) for stage, *other_entry in entries if other_entry == [role, entry]]


class _ProfileCheck:
    """Checks one profile."""

    def __init__(self, profile: Profile, index: Index | RemoteIndex | None, today: date) -> None:
        self._profile, self._index, self._today, self._engine = profile, index, today, Engine()
        self._called_entries: list[StageValues] = []
        self._reported_models: set[str] = set()

    def check_entry(
        self, entry: StageValues, roles: list[tuple[str, str]], ends: dict[str, str]
    ) -> Iterator[PreflightFinding]:
        """What was found out of one entry; the days of its models' ends go into ``ends``."""
        label = ", ".join(stage or "the index" for stage, _ in roles)
        try:
            for key in MODEL_SETTINGS:
                yield from self._check_listed(entry, key, label, ends)
            yield from self._call_provider(entry, roles[0][1], label)
        except MultichainError as error:
            yield PreflightFinding("fail", f"{label}: {error}")

    def _check_listed(
        self, entry: StageValues, key: str, label: str, ends: dict[str, str]
    ) -> Iterator[PreflightFinding]:
        """How the models of one list stand."""
        models = named_models(entry, key)
        standings = model_statuses(self._engine, entry, key)
        if not standings:
            return
        ends.update({status.name: status.end_date for status in standings if status.end_date})
        ended = [self._has_ended(status) for status in standings]
        for status, model, is_over in zip(standings, models, ended, strict=True):
            if status.name not in self._reported_models:
                self._reported_models.add(status.name)
                yield self._describe_status(
                    status, is_over=is_over, label=_stages_naming(self._profile, entry["provider"], model)
                )
        if entry.get("fallback") is False and ended[0]:
            yield PreflightFinding(
                "fail", f"{label}: {models[0]} has ended, and fallback: off keeps to it; name another"
            )
        elif all(ended):
            yield PreflightFinding("fail", f"{label}: no model of {key} is left; name another")

    def _has_ended(self, standing: ModelStatus) -> bool:
        return bool(standing.end_date) and date.fromisoformat(standing.end_date) <= self._today

    def _describe_status(self, standing: ModelStatus, *, is_over: bool, label: str) -> PreflightFinding:
        name, successor = (
            f"{standing.name} ({label})",
            f"; {standing.successor} replaces it" if standing.successor else "",
        )
        if is_over:
            return PreflightFinding("warn", f"{name} ended on {standing.end_date}{successor}")
        if standing.listed is False:
            return PreflightFinding("warn", f"{name} is not among the models that the server shows: unknown{successor}")
        if not standing.end_date:
            return PreflightFinding(
                "ok", name + (": the server has no list of models" if standing.listed is None else "")
            )
        days = (date.fromisoformat(standing.end_date) - self._today).days
        level: FindingLevel = "warn" if days <= WARNING_DAYS else "ok"
        return PreflightFinding(level, f"{name} ends on {standing.end_date}, in {days} days{successor}")

    def _call_provider(self, entry: StageValues, role: str, label: str) -> Iterator[PreflightFinding]:
        """One tiny call, where there is something to call."""
        if role == "embeddings":
            yield self._check_embedding(label)
            return
        chat = _chat_entry(entry, role)
        if not chat or chat in self._called_entries:
            return
        self._called_entries.append(chat)
        chat_model: Any = make_provider(chat, "chat")
        reply = self._engine.run(chat_model.complete(_TEST_MESSAGE, "", discard))
        yield PreflightFinding("ok", f"{reply.answered_by} answers ({label})")

    def _check_embedding(self, label: str) -> PreflightFinding:
        embedder = self._profile.make_embedder(index=self._index if isinstance(self._index, Index) else None)
        vector = self._engine.run(embedder.embed([FINGERPRINT_TEXT]))[0]
        name = f"{embedder.provider}:{embedder.model} ({label})"
        if self._index is None:
            return PreflightFinding("ok", f"{name} embeds in {len(vector)} dimensions")
        embedding = self._index.embedding
        if len(vector) != self._index.dimension:
            sentence = f"{name} embeds in {len(vector)} dimensions, and the index has {self._index.dimension}"
            embedding_name = f"{embedding['provider']}:{embedding['model']}"
            return PreflightFinding(
                "fail", f"{sentence}, built with {embedding_name}; build the index again, or name that profile"
            )
        if float(np.dot(vector, embedding["fingerprint"])) < _MIN_COSINE:
            return PreflightFinding(
                "fail", f"{name} gives other vectors than those of the index; build the index again"
            )
        return PreflightFinding("ok", f"{name} embeds in {len(vector)} dimensions, as the index was")


def _check_remote_index(profile: Profile) -> PreflightFinding:
    """How an index in AI Search stands."""
    from ..indexing.ai_search import inspect_index  # Databricks' SDK, half a second

    try:
        remote_index = inspect_index(profile)
    except MultichainError as error:
        return PreflightFinding("fail", f"the index: {error}")
    by = (
        f", embedded by {remote_index.embedding['provider']}:{remote_index.embedding['model']}"
        if remote_index.embedding
        else ""
    )
    return PreflightFinding("ok", f"{remote_index.name} answers: {remote_index.rows:,} rows{by} (the index)")


def _stages_naming(profile: Profile, provider: str, model: str) -> str:
    """The stages that name a model."""
    stage_names = [
        stage or "the index"
        for stage, _, entry in profile.entries
        if entry["provider"] == provider and any(model in named_models(entry, key) for key in MODEL_SETTINGS)
    ]
    return ", ".join(dict.fromkeys(stage_names))


def _chat_entry(entry: StageValues, role: str) -> StageValues:
    """The entry as one of a chat model: what answers, or what writes diagrams; empty when no language model does."""
    if role == "reranker" and "models" not in entry:  # a class, which may be no chat model
        return {}
    chat_settings = entry | {"models": entry.get("chat_models")} if role == "images" else entry
    names = chat_settings.get("models") or chat_settings.get("model")
    keys = ("provider", "model", "models", "fallback", "settings")
    return {key: chat_settings[key] for key in keys if chat_settings.get(key) is not None} if names else {}
