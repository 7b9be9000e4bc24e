"""Run the steps from documents to a promoted version. Each step yields its result; report.py prints the results."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from commandline.subprocesses import run_module
from model.errors import CommandError
from model.profile import LOCAL_PROVIDERS, MODEL_SETTINGS, Profile, named_models
from model.profile_validation import validate_profile
from model.providers.server_facts import ServerFacts
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.local.index import Index

from .documents.load import LoadOptions
from .evaluation import dataset
from .evaluation.dataset import Example
from .forget import forget_documents
from .indexing.build import BuildResult, build_index
from .packaging.log_model import log_model
from .progress import Progress, announce_waiting, ignore_progress
from .step_results import (
    DescribedIndex,
    KeptChampion,
    LoggedModel,
    Preflight,
    Promotion,
    Registration,
    RemainingVersion,
    StepResult,
    StepTimer,
    Verification,
)
from .verification.token_measure import measure_tokens
from .versions.history import MODEL_ENDS_TAG, REMOTE_INDEX_TAG, SIZE_TAGS


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Options of building an index.

    Attributes:
        documents: Locations of the documents.
        index: Index folder, which is replaced.
        update: Whether to embed only what is new or changed.
        max_cost: Highest cost of the embeddings in US dollars; None for no limit.
        loading: How to read the documents.
        progress: Called with the number of embedded chunks.
    """

    documents: Sequence[object]
    index: Path
    update: bool = False
    max_cost: float | None = None
    loading: LoadOptions = field(default_factory=LoadOptions)
    progress: Progress = ignore_progress


@dataclass(slots=True)
class PromotionOptions:
    """The basis of a promotion.

    Attributes:
        file: Evaluation file; None to check only the contract and the example.
        judge_model: Chat model that judges the answers; empty for none.
        force_reason: Reason to promote against the verdict; empty to obey the verdict.
        progress: Called with the number of evaluated examples.
        is_sample: Whether the version is of the documents that come with the project, which nobody has named. Such a
            version does not take the place of a champion that was made from other documents.
        examples: Examples of the evaluation file, read at creation.
    """

    file: Path | None = None
    judge_model: str = ""
    force_reason: str = ""
    progress: Progress = ignore_progress
    is_sample: bool = False
    examples: Sequence[Example] = field(init=False)

    def __post_init__(self) -> None:
        """Read the examples of the evaluation file, before any step costs money.

        Raises:
            DocumentError: The file cannot be read, has another format, or contains no example.
        """
        self.examples = dataset.read_dataset(self.file).examples if self.file else ()


def run_all(
    profile: str, options: BuildOptions, name: str, promotion: PromotionOptions, signing_key: Path | None = None
) -> Iterator[StepResult]:
    """Check the models, build an index, and log, verify, register and promote a version with the index.

    Args:
        profile: Name of a profile, or its file.
        options: Documents, index folder and limits.
        name: Registered model.
        promotion: Basis of the promotion.
        signing_key: PEM file of an Ed25519 key that signs the version; None for no signature.

    Yields:
        The result of each step; the seconds of all steps at the end.

    Raises:
        MultichainError: A step failed. Later steps are not started.
    """
    timer = StepTimer()
    loaded_profile = Profile.read(profile)
    validate_profile(loaded_profile)
    if signing_key is not None:
        from commandline.version_manifest import read_private_key  # cryptography, for signed versions alone

        read_private_key(signing_key)  # a missing key is told before anything is paid
    with timer.step("preflight"), announce_waiting(_list_called_models(loaded_profile), "a first reply of each"):
        from .versions import registry

        registry.check_name(name)
        registry.check_store()
        yield (preflight := check_profile_models(loaded_profile))
        tags = require_ready(preflight)
    with timer.step("build"):
        yield build_or_describe(loaded_profile, options)
    yield from release(profile, options.index, name, tags, timer, promotion, loaded_profile.facts, signing_key)
    yield timer


def build_or_describe(profile: Profile, options: BuildOptions) -> BuildResult | DescribedIndex:
    """Build the index of documents, or describe the profile's index of AI Search.

    Args:
        profile: The profile.
        options: Documents, index folder and limits.

    Returns:
        The built or the described index.

    Raises:
        DocumentError: The documents cannot be read, or there are none.
        CommandError: The folder contains something else, or the embeddings would cost more than the limit.
        MultichainError: A provider failed, or the index of AI Search cannot be reached or does not match the profile.
    """
    if profile.backend.is_local:
        return build_index(
            profile,
            options.documents,
            options.index,
            options.progress,
            options.max_cost,
            update=options.update,
            load_options=options.loading,
        )
    from .indexing.ai_search import describe_index  # Databricks' SDK takes half a second to import

    return DescribedIndex(describe_index(profile, options.index), options.index.absolute())


def release(
    profile: str,
    index: Path,
    name: str,
    tags: dict[str, str],
    timer: StepTimer,
    promotion: PromotionOptions | None = None,
    facts: ServerFacts | None = None,
    signing_key: Path | None = None,
) -> Iterator[StepResult]:
    """Log an index as a model, verify and register the version, and promote the version through the gate.

    Args:
        profile: Name of the index's profile, or its file.
        index: Index folder.
        name: Registered model.
        tags: Tags of the version.
        timer: Timer of the steps.
        promotion: Basis of the promotion; None to check only the contract and the example.
        facts: What the steps before have learned of the profile's servers.
        signing_key: PEM file of an Ed25519 key that signs the version; None for no signature.

    Yields:
        The result of each step.

    Raises:
        MultichainError: A step failed, or the gate refused the version.
    """
    loaded_profile = replace(Profile.read(profile), facts=facts or ServerFacts())
    models = _list_called_models(loaded_profile)
    with timer.step("log"):
        with announce_waiting(models, "the number of tokens of some text"):
            yield from measure_tokens(loaded_profile, loaded_profile.open_index(index))
        uri = log_model(profile, index, tags=tags, facts=loaded_profile.facts, signing_key=signing_key)
        yield LoggedModel(uri)
    with timer.step("verify"), announce_waiting(models, "the replies to the samples of the version"):
        yield from verify_in_process(uri)
    with timer.step("register"):
        from .versions.registry import register_model, registry_uri

        version = register_model(uri, name, tags | _size_tags(loaded_profile.open_index(index), index))
        yield Registration(name, version, registry_uri())
    with timer.step("gate"), announce_waiting(models, "the answers that the version is judged by"):
        yield from promote_through_gate(name, version, name, promotion or PromotionOptions())


def promote_through_gate(
    name: str, version: str, to: str, options: PromotionOptions
) -> Iterator[Promotion | KeptChampion]:
    """Promote a registered version through the gate.

    Args:
        name: Registered model of the version.
        version: Number of the version.
        to: Registered model that receives the champion.
        options: Basis of the promotion.

    Yields:
        The decision with its reasons, or that the champion stays since it was made from other documents.

    Raises:
        CommandError: The gate refused the version and no reason forces the promotion, or a model, version or
            privilege is missing.
    """
    from .promotion.promote import Evidence, decide_promotion, promote_version
    from .versions import registry

    challenger = registry.find_version(name, version)
    if options.is_sample and not options.force_reason and (champion := registry.find_other_champion(challenger, to)):
        yield KeptChampion(to, str(challenger.version), champion)
        return
    evidence = Evidence(options.file.name, options.examples, options.judge_model) if options.file else None
    decision = decide_promotion(challenger, to, evidence, options.progress)
    champion = promote_version(challenger, decision, to, options.force_reason)
    promotion = Promotion(decision, to, champion, options.force_reason)
    yield promotion
    if not champion:
        raise CommandError(
            f"version {challenger.version} of {name} is not promoted{promotion.opponent_in_words}: "
            f"{'; '.join(decision.verdict.reasons)}. The version stays registered, and the alias "
            f"{registry.CHAMPION_ALIAS} does not move; --force REASON promotes the version despite the verdict"
        )


def _size_tags(index: Index | RemoteIndex, folder: Path) -> dict[str, str]:
    """Return the tags with the size of an index, or with the name and rows of an index of AI Search."""
    if isinstance(index, RemoteIndex):
        return {REMOTE_INDEX_TAG: f"{index.name}, {index.rows:,} rows"}
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return dict(zip(SIZE_TAGS, map(str, (len(index.manifest.documents), index.manifest.chunks, size)), strict=True))


def forget_everywhere(
    profile: str,
    sources: Sequence[str],
    index: Path,
    evaluations: Sequence[Path],
    name: str,
    progress: Progress,
    signing_key: Path | None = None,
) -> Iterator[StepResult]:
    """Remove documents from an index, the embedding cache and evaluation files, and release a version without them.

    A version is released when the index or the champion contained a document. Other versions that contain one are
    tagged and listed.

    Args:
        profile: Name of the index's profile, or its file.
        sources: Sources of the documents.
        index: Index folder.
        evaluations: Evaluation files.
        name: Registered model.
        progress: Called with the number of embedded chunks.
        signing_key: PEM file of an Ed25519 key that signs the new version; None for no signature.

    Yields:
        What was removed, the result of each step of the release, and the versions that still contain a document.

    Raises:
        CommandError: The index is in AI Search, no document was found, or nothing would be left in the index.
        MultichainError: The release failed.
    """
    from .versions.registry import CHAMPION_ALIAS, check_store, find_holders, mark_forgotten

    loaded_profile = Profile.read(profile)
    validate_profile(loaded_profile)
    if not loaded_profile.backend.is_local:
        raise CommandError(
            f"delete the documents in the table of the AI Search index {loaded_profile.index['name']}; versions "
            "contain no documents of such an index"
        )
    check_store()
    holders = list(find_holders(name, sources))
    removed = forget_documents(loaded_profile, sources, index, evaluations, progress)
    yield removed
    if not (removed.chunks or removed.vectors or removed.questions or holders):
        raise CommandError(
            f"no index, evaluation file or version contains {', '.join(sources)}; check the sources that answers cite"
        )
    if removed.chunks or any(CHAMPION_ALIAS in holder.aliases for holder in holders):
        yield (preflight := check_profile_models(loaded_profile))
        tags, facts = require_ready(preflight), loaded_profile.facts
        yield from release(profile, index, name, tags, StepTimer(), facts=facts, signing_key=signing_key)
    for holder in holders:
        mark_forgotten(name, holder)
        yield RemainingVersion(name, str(holder.version), holder.sources)


def check_profile_models(
    profile: Profile, index: Index | RemoteIndex | None = None, *, is_complete: bool = False
) -> Preflight:
    """Check the models of a profile.

    Args:
        profile: The profile.
        index: Index whose embeddings have to equal those of the profile; None when there is no index yet.
        is_complete: Whether the findings that are in order are printed, too.
    """
    from .verification.preflight import check_models  # the other commands start faster without

    return Preflight(check_models(profile, index), is_complete)


def _list_called_models(profile: Profile) -> list[str]:
    """Return the names of the models of a profile that a server runs."""
    from .verification.preflight import distinct_entries  # the other commands start faster without

    return [
        f"{entry['provider']}:{model}"
        for entry, _ in distinct_entries(profile)
        if entry["provider"] not in LOCAL_PROVIDERS
        for key in MODEL_SETTINGS
        for model in named_models(entry, key)[:1]
    ]


def require_ready(preflight: Preflight) -> dict[str, str]:
    """Return the tags for a version: the day on which each model ends, where the provider states one.

    Raises:
        CommandError: The profile cannot answer.
    """
    if preflight.report.has_failed:
        raise CommandError("preflight failed, so no further step was started; see the findings above")
    end_dates = preflight.report.end_dates
    return {MODEL_ENDS_TAG: json.dumps(end_dates)} if end_dates else {}


def verify_in_process(uri: str) -> Iterator[Verification]:
    """Verify a version in a clean process, which has imported nothing yet.

    Args:
        uri: MLflow URI of the version.

    Yields:
        The lines that the process printed.

    Raises:
        CommandError: A check failed.
    """
    verification = run_module("training", "verify", "--quiet", uri)
    yield Verification(verification.stdout + verification.stderr)
    if verification.returncode:
        raise CommandError(f"{uri} failed verification, so no further step was started; see the failed checks above")
