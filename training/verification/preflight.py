"""Before anything is paid: is every model of a profile reachable, permitted, and there to stay?

Asks each provider for its list of models, and makes one tiny call to each chat model list and to the embedding
model; never an image.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

import numpy as np

from model import profile as profiles
from model.contract.events import discard
from model.contract.fields import StageValues
from model.errors import MultichainError
from model.interfaces import ModelStatus
from model.profile import Profile
from model.providers import load_provider
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.local.index import FINGERPRINT_TEXT, Index
from model.runtime.event_loop import Engine

NEAR = 90
"""Days before its end from which on a model is warned of."""
_SAME = 0.999
_GREETING = "Reply with the one word ok."

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out."""

    level: Level
    sentence: str


@dataclass(slots=True)
class Report:
    """What was found out, and the day on which each model ends that is known to."""

    findings: list[Finding] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether the profile cannot answer."""
        return any(finding.level == "fail" for finding in self.findings)


def preflight(profile: Profile, index: Index | RemoteIndex | None = None, today: date | None = None) -> Report:
    """What is to be known of the models of ``profile``; with ``index``, also whether its embeddings are the same.

    An index that is not the profile's own is asked, too.
    """
    report, flight = Report(), _Flight(profile, index, today or datetime.now(tz=UTC).date())
    if not profile.backend.IS_LOCAL:
        report.findings.append(_searched(profile))
    for told, roles in distinct(profile):
        for finding in flight.checked(told, roles, report.ends):
            report.findings.append(finding)
    return report


def standing(engine: Engine, told: StageValues, key: str) -> list[ModelStatus]:
    """How the models that an entry names stand, as its provider tells; none where it has no models or cannot tell."""
    module, models = load_provider(told["provider"]), profiles.named_models(told, key)
    return engine.run(module.standings(models)) if models and hasattr(module, "standings") else []


def distinct(profile: Profile) -> Iterator[tuple[StageValues, list[tuple[str, str]]]]:
    """Each provider's entry once, with the stages and roles that have it."""
    entries = profile.entries
    for number, (_, role, told) in enumerate(entries):
        if all((role, told) != other[1:] for other in entries[:number]):
            yield told, [(stage, role) for stage, *other in entries if other == [role, told]]


class _Flight:
    """Checks one profile."""

    def __init__(self, profile: Profile, index: Index | RemoteIndex | None, today: date) -> None:
        self._profile, self._index, self._today, self._engine = profile, index, today, Engine()
        self._greeted: list[StageValues] = []
        self._told: set[str] = set()

    def checked(self, told: StageValues, roles: list[tuple[str, str]], ends: dict[str, str]) -> Iterator[Finding]:
        """What was found out of one entry; the days of its models' ends go into ``ends``."""
        where = ", ".join(stage or "the index" for stage, _ in roles)
        try:
            for key in profiles.MODEL_SETTINGS:
                yield from self._listed(told, key, where, ends)
            yield from self._asked(told, roles[0][1], where)
        except MultichainError as error:
            yield Finding("fail", f"{where}: {error}")

    def _listed(self, told: StageValues, key: str, where: str, ends: dict[str, str]) -> Iterator[Finding]:
        """How the models of one list stand."""
        models = profiles.named_models(told, key)
        standings = standing(self._engine, told, key)
        if not standings:
            return
        ends.update({one.name: one.end_date for one in standings if one.end_date})
        over = [self._over(one) for one in standings]
        for one, model, gone in zip(standings, models, over, strict=True):
            if one.name not in self._told:
                self._told.add(one.name)
                yield self._standing(one, gone=gone, where=_where(self._profile, told["provider"], model))
        if told.get("fallback") is False and over[0]:
            yield Finding("fail", f"{where}: {models[0]} has ended, and fallback: off keeps to it; name another")
        elif all(over):
            yield Finding("fail", f"{where}: no model of {key} is left; name another")

    def _over(self, standing: ModelStatus) -> bool:
        return bool(standing.end_date) and date.fromisoformat(standing.end_date) <= self._today

    def _standing(self, standing: ModelStatus, *, gone: bool, where: str) -> Finding:
        name, then = f"{standing.name} ({where})", f"; {standing.successor} replaces it" if standing.successor else ""
        if gone:
            return Finding("warn", f"{name} ended on {standing.end_date}{then}")
        if standing.listed is False:
            return Finding("warn", f"{name} is not among the models that the server shows: unknown{then}")
        if not standing.end_date:
            return Finding("ok", name + (": the server has no list of models" if standing.listed is None else ""))
        days = (date.fromisoformat(standing.end_date) - self._today).days
        level: Level = "warn" if days <= NEAR else "ok"
        return Finding(level, f"{name} ends on {standing.end_date}, in {days} days{then}")

    def _asked(self, told: StageValues, role: str, where: str) -> Iterator[Finding]:
        """One tiny call, where there is something to call."""
        if role == "embeddings":
            yield self._embedded(where)
            return
        chat = _chat(told, role)
        if not chat or chat in self._greeted:
            return
        self._greeted.append(chat)
        made: Any = profiles.make_provider(chat, "chat")
        reply = self._engine.run(made.complete(_GREETING, "", discard))
        yield Finding("ok", f"{reply.answered_by} answers ({where})")

    def _embedded(self, where: str) -> Finding:
        embedder = self._profile.make_embedder(index=self._index if isinstance(self._index, Index) else None)
        vector = self._engine.run(embedder.embed([FINGERPRINT_TEXT]))[0]
        name = f"{embedder.provider}:{embedder.model} ({where})"
        if self._index is None:
            return Finding("ok", f"{name} embeds in {len(vector)} dimensions")
        built = self._index.embedding
        if len(vector) != self._index.dimension:
            sentence = f"{name} embeds in {len(vector)} dimensions, and the index has {self._index.dimension}"
            other = f"{built['provider']}:{built['model']}"
            return Finding("fail", f"{sentence}, built with {other}; build the index again, or name that profile")
        if float(np.dot(vector, built["fingerprint"])) < _SAME:
            return Finding("fail", f"{name} gives other vectors than those of the index; build the index again")
        return Finding("ok", f"{name} embeds in {len(vector)} dimensions, as the index was")


def _searched(profile: Profile) -> Finding:
    """How an index in AI Search stands."""
    from ..indexing.ai_search import look  # Databricks' SDK, half a second

    try:
        found = look(profile)
    except MultichainError as error:
        return Finding("fail", f"the index: {error}")
    by = f", embedded by {found.embedding['provider']}:{found.embedding['model']}" if found.embedding else ""
    return Finding("ok", f"{found.name} answers: {found.rows:,} rows{by} (the index)")


def _where(profile: Profile, provider: str, model: str) -> str:
    """The stages that name a model."""
    named = [
        stage or "the index"
        for stage, _, told in profile.entries
        if told["provider"] == provider
        and any(model in profiles.named_models(told, key) for key in profiles.MODEL_SETTINGS)
    ]
    return ", ".join(dict.fromkeys(named))


def _chat(told: StageValues, role: str) -> StageValues:
    """The entry as one of a chat model: what answers, or what writes diagrams; empty when no language model does."""
    if role == "reranker" and "models" not in told:  # a class, which may be no chat model
        return {}
    own = told | {"models": told.get("chat_models")} if role == "images" else told
    named = own.get("models") or own.get("model")
    taken = ("provider", "model", "models", "fallback", "settings")
    return {key: own[key] for key in taken if own.get(key) is not None} if named else {}
