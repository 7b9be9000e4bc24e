"""Check before anything is paid: is every model of a profile reachable, permitted, and not about to end?

Every provider is asked for its list of models. Each list of chat models and the embedding model receive one tiny call;
an image model never does. What a server refuses in these calls is added to the profile's facts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal

from model.contract.events import discard
from model.contract.fields import StageValues
from model.errors import MultichainError, ProviderUnavailableError
from model.interfaces import ChatModel, Float32Array, ModelStatus
from model.profile import MODEL_SETTINGS, Profile, named_models
from model.providers import locate_provider, make_provider
from model.providers.server_facts import ServerFacts
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.embedding_calls import PROBE_TEXT, embed_each
from model.retrieval.local.index import FINGERPRINT_TEXT, Index
from model.runtime.event_loop import Engine

from ..indexing.embedding_cache import is_same_model
from .local_servers import locate_server

WARNING_DAYS = 90
"""Days before the end of a model from which on a warning is given."""
_BATCH_SIZE = 256
"""Number of texts, all but one of one letter, by which the largest batch of an embedding model is tried."""
_TEST_MESSAGE = "Reply with the one word ok."

FindingLevel = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class PreflightFinding:
    """One result of a check, as a level and a sentence."""

    level: FindingLevel
    message: str


@dataclass(slots=True)
class PreflightReport:
    """The findings, and the day on which each model ends, where the provider states one."""

    findings: list[PreflightFinding] = field(default_factory=list)
    end_dates: dict[str, str] = field(default_factory=dict)

    @property
    def has_failed(self) -> bool:
        """Whether the profile cannot answer."""
        return any(finding.level == "fail" for finding in self.findings)


def check_models(
    profile: Profile, index: Index | RemoteIndex | None = None, today: date | None = None
) -> PreflightReport:
    """Check the models of a profile, and its index when Databricks AI Search holds the index.

    Args:
        profile: The profile.
        index: Index whose embeddings have to equal those of the profile; None when there is no index yet.
        today: Day on which ends of models are counted from; today by default.

    Returns:
        The report. Errors of providers are findings in it.
    """
    report, profile_check = PreflightReport(), _ProfileCheck(profile, index, today or datetime.now(tz=UTC).date())
    if not profile.backend.is_local:
        report.findings.append(_check_remote_index(profile))
    is_located, sentence = locate_server(profile)
    if sentence:
        report.findings.append(PreflightFinding("warn" if is_located else "fail", sentence))
    for entry, roles in distinct_entries(profile) if is_located else ():
        for finding in profile_check.check_entry(entry, roles, report.end_dates):
            report.findings.append(finding)
    report.findings += [PreflightFinding("ok", sentence) for sentence in profile.facts.describe()]
    return report


def model_statuses(
    engine: Engine, entry: StageValues, setting: str, facts: ServerFacts | None = None
) -> list[ModelStatus]:
    """Return the status of each model that an entry names.

    Args:
        engine: Event loop for the call.
        entry: Entry of a provider in the profile.
        setting: Setting that names the models.
        facts: What is known of the profile's servers.

    Returns:
        One status for each model; none when the entry names no model, or its provider cannot list models.
    """
    models = named_models(entry, setting)
    if not models:
        return []
    return engine.run(locate_provider(entry["provider"], facts).list_statuses(models))


def distinct_entries(profile: Profile) -> Iterator[tuple[StageValues, list[tuple[str, str]]]]:
    """Yield each distinct entry of a provider, with the stages and roles that use it."""
    entries = profile.entries
    for number, (_, role, entry) in enumerate(entries):
        if all((role, entry) != other_entry[1:] for other_entry in entries[:number]):
            yield entry, [(stage, role) for stage, *other_entry in entries if other_entry == [role, entry]]


class _ProfileCheck:
    """The check of one profile."""

    def __init__(self, profile: Profile, index: Index | RemoteIndex | None, today: date) -> None:
        self._profile, self._index, self._today, self._engine = profile, index, today, Engine()
        self._called_entries: list[StageValues] = []
        self._reported_models: set[str] = set()

    def check_entry(
        self, entry: StageValues, roles: list[tuple[str, str]], ends: dict[str, str]
    ) -> Iterator[PreflightFinding]:
        """Yield the findings on one entry; add the days on which its models end to ``ends``."""
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
        """Yield the findings on the models that one setting of an entry names."""
        models = named_models(entry, key)
        statuses = model_statuses(self._engine, entry, key, self._profile.facts)
        if not statuses:
            return
        ends.update({status.name: status.end_date for status in statuses if status.end_date})
        ended = [self._has_ended(status) for status in statuses]
        for status, model, is_over in zip(statuses, models, ended, strict=True):
            if status.name not in self._reported_models:
                self._reported_models.add(status.name)
                yield self._describe_status(
                    status, is_over=is_over, label=_stages_naming(self._profile, entry["provider"], model)
                )
        if entry.get("fallback") is False and ended[0]:
            yield PreflightFinding(
                "fail", f"{label}: {models[0]} has ended, and fallback: off allows no other; name another model"
            )
        elif all(ended):
            yield PreflightFinding("fail", f"{label}: every model in {key} has ended; name another model")

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
            return PreflightFinding("warn", f"{name} is not in the server's list of models{successor}")
        if not standing.end_date:
            return PreflightFinding(
                "ok", name + (": the server has no list of models" if standing.listed is None else "")
            )
        days = (date.fromisoformat(standing.end_date) - self._today).days
        level: FindingLevel = "warn" if days <= WARNING_DAYS else "ok"
        return PreflightFinding(level, f"{name} ends on {standing.end_date}, in {days} days{successor}")

    def _call_provider(self, entry: StageValues, role: str, label: str) -> Iterator[PreflightFinding]:
        """Make one tiny call, where the entry has a model that can be called cheaply."""
        if role == "embeddings":
            yield from self._check_embedding(label)
            return
        provider = locate_provider(entry["provider"], self._profile.facts)
        chat = _chat_entry(dict(provider.complete_settings(role, entry)), role)
        if not chat or chat in self._called_entries:
            return
        self._called_entries.append(chat)
        chat_model: ChatModel = make_provider(chat, "chat", self._profile.facts)
        try:  # streamed first, so that what the server refuses of a stream is learned, too
            reply = self._engine.run(chat_model.complete(_TEST_MESSAGE, "", _ignore_event))
        except ProviderUnavailableError as error:
            reply = self._engine.run(chat_model.complete(_TEST_MESSAGE, "", discard))
            yield PreflightFinding("warn", f"{reply.answered_by} answers, but not as a stream ({label}): {error}")
        else:
            yield PreflightFinding("ok", f"{reply.answered_by} answers ({label})")

    def _check_embedding(self, label: str) -> Iterator[PreflightFinding]:
        """Yield the findings on the embedding model: the length of its vectors, and whether they fit the index."""
        embedder = self._profile.make_embedder(index=self._index if isinstance(self._index, Index) else None)
        texts = [FINGERPRINT_TEXT] + [PROBE_TEXT] * (min(_BATCH_SIZE, embedder.batch_size) - 1)
        vector = self._engine.run(embed_each(embedder, texts))[0]
        if isinstance(vector, MultichainError):
            raise vector
        name = f"{embedder.provider}:{embedder.model} ({label})"
        dimensions = self._profile.embeddings.get("dimensions")
        if dimensions and dimensions != len(vector):
            sentence = f"{name} embeds in {len(vector)} dimensions, not in {dimensions}"
            yield PreflightFinding("warn", f"{sentence}; set dimensions to {len(vector)}, or leave the setting out")
        yield self._compare_with_index(vector, name)

    def _compare_with_index(self, vector: Float32Array, name: str) -> PreflightFinding:
        """Return whether the vector of the fixed text is that of the index; only its length without an index."""
        if self._index is None:
            return PreflightFinding("ok", f"{name} embeds in {len(vector)} dimensions")
        embedding = self._index.embedding
        if len(vector) != self._index.dimension:
            sentence = f"{name} embeds in {len(vector)} dimensions, and the index has {self._index.dimension}"
            embedding_name = f"{embedding['provider']}:{embedding['model']}"
            return PreflightFinding(
                "fail", f"{sentence}, built with {embedding_name}; build the index again, or use that model"
            )
        if not is_same_model(embedding["fingerprint"], vector):
            return PreflightFinding(
                "fail", f"{name} returns other vectors than those in the index; build the index again"
            )
        return PreflightFinding("ok", f"{name} embeds in {len(vector)} dimensions, as in the index")


def _ignore_event(_name: str, _content: object) -> None:
    """Do nothing with a streamed token; ``discard`` would switch streaming off."""


def _check_remote_index(profile: Profile) -> PreflightFinding:
    """Return the finding on an index in AI Search."""
    from ..indexing.ai_search import inspect_index  # the import of Databricks' SDK takes half a second

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
    """Return the names of the stages whose entries name ``model``."""
    stage_names = [
        stage or "the index"
        for stage, _, entry in profile.entries
        if entry["provider"] == provider and any(model in named_models(entry, key) for key in MODEL_SETTINGS)
    ]
    return ", ".join(dict.fromkeys(stage_names))


def _chat_entry(entry: StageValues, role: str) -> StageValues:
    """Return the part of an entry that configures a chat model, for answers or for diagrams; empty without one."""
    if role == "reranker" and "models" not in entry:  # the entry names a class, which may be no chat model
        return {}
    chat_settings = entry | {"models": entry.get("chat_models")} if role == "images" else entry
    names = chat_settings.get("models") or chat_settings.get("model")
    keys = ("provider", "model", "models", "fallback", "settings")
    return {key: chat_settings[key] for key in keys if chat_settings.get(key) is not None} if names else {}
