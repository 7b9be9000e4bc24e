"""Promote a challenger through the gate, and roll back to an earlier champion.

The history is in tags of the versions: which version each replaced, when, by whom, and for what reason.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

import mlflow
from mlflow.entities.model_registry import ModelVersion

from model.errors import CommandError

from ..evaluation.dataset import Example
from ..evaluation.metrics import MetricValues
from ..evaluation.runner import EvaluatedExample, ask_versions
from ..progress import Progress
from ..versions import registry
from ..versions.damage import find_damage
from ..versions.process import open_version
from ..versions.registry import (
    CHAMPION_ALIAS,
    DECISION_TAG,
    FORGOTTEN_TAG,
    REASON_TAG,
    REPLACED_TAG,
    ROLLED_BACK_TAG,
    TIME_TAG,
    USER_TAG,
)
from .gate import Verdict, decide_verdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """Basis of a promotion: the name of the dataset, its examples, and the judge's model; no judge when it is empty."""

    name: str
    examples: Sequence[Example]
    judge: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, the number of the champion compared with, and the id of the MLflow run; each is empty without one."""

    verdict: Verdict
    champion: str = ""
    run: str = ""


def decide_promotion(challenger: ModelVersion, to: str, evidence: Evidence | None, progress: Progress) -> Decision:
    """Compare a version with the champion of a registered model, and decide.

    Without evidence nothing is compared: ``training verify`` has checked before that the version keeps its contract.
    With a champion that is damaged nothing is compared, either, so that it can be replaced.

    Args:
        challenger: The registered version.
        to: Registered model of the champion.
        evidence: Examples to compare on, or None.
        progress: Receives the number of examples that are done.

    Raises:
        CommandError: A version cannot be loaded, lacks a stage or does not answer; a floor names no metric; or the
            judge gave no mark.
    """
    champion = registry.find_champion(to)
    against = _version_uri(champion) if champion and _version_uri(champion) != _version_uri(challenger) else ""
    number = str(champion.version) if champion and against else ""
    if evidence is None:
        return Decision(Verdict(True, ("the version keeps its contract and answers; no example was compared",)), number)
    damage = find_damage(against) if against else ""
    against = "" if damage else against
    tags = {"evaluation": evidence.name, "version": _version_uri(challenger), "against": against}
    with mlflow.start_run(run_name=f"gate of {_version_uri(challenger)}", tags=tags) as run:
        verdict = _compare(_version_uri(challenger), against, evidence, progress, run.info.experiment_id)
        if damage:
            sentence = f"version {number}, the champion, is damaged ({damage}), so the version was compared with none"
            verdict = replace(verdict, reasons=(*verdict.reasons, sentence))
        mlflow.set_tags({DECISION_TAG: "promoted" if verdict.is_promoted else "refused"})
        mlflow.log_text(
            "\n".join([*verdict.reasons, *(comparison.as_line for comparison in verdict.comparisons)]), "verdict.txt"
        )
        return Decision(verdict, number, str(run.info.run_id))


def promote_version(challenger: ModelVersion, decision: Decision, to: str, reason: str = "") -> str:
    """Move the alias ``champion`` to a version when the decision allows it; tag the version with the decision.

    Args:
        challenger: The registered version.
        decision: The decision on it.
        to: Registered model that receives the champion. The version is copied when it belongs to another model.
        reason: Reason to promote the version against the verdict; empty to obey the verdict.

    Returns:
        Number of the version that is served now; empty when the challenger was refused.

    Raises:
        CommandError: The registry does not permit the change.
    """
    verdict, champion, run = decision.verdict, decision.champion, decision.run
    outcome = "promoted" if verdict.is_promoted else "forced" if reason else "refused"
    tags = {REASON_TAG: reason if outcome == "forced" else "; ".join(verdict.reasons)}
    tags |= {USER_TAG: registry.current_user(), TIME_TAG: registry.current_time()} | (
        {"gate_champion": champion} if champion else {}
    )
    tags |= {"gate_run": run, registry.EVALUATION_TAG: run} if run else {}
    if outcome == "refused":
        registry.tag_version(challenger.name, str(challenger.version), tags | {DECISION_TAG: outcome})
        return ""
    number = str(challenger.version) if to == challenger.name else registry.copy_version(challenger, to)
    # The alias moves first, and the decision is the last tag: a command that is killed in between has noted nothing
    # that did not happen.
    registry.set_champion(to, number)
    tags |= {REPLACED_TAG: champion} if champion and champion != number else {}
    registry.tag_version(to, number, tags | {DECISION_TAG: outcome})
    return number


def roll_back(name: str, number: str = "") -> tuple[str, str]:
    """Point the alias ``champion`` at an earlier version. Nothing is built.

    Args:
        name: Registered model.
        number: Version to serve; the version that the champion replaced when empty.

    Returns:
        Numbers of the previous and of the current champion.

    Raises:
        CommandError: There is no champion or no such version, or the version is the champion already, contains a
            forgotten document or is damaged.
    """
    champion = registry.find_champion(name)
    if champion is None:
        raise CommandError(
            f"{name} has no version with the alias {CHAMPION_ALIAS}; python -m training history lists versions"
        )
    target_number = number or champion.tags.get(REPLACED_TAG, "")
    if not target_number:
        raise CommandError(
            f"version {champion.version} of {name} replaced no version; name the version to roll back to"
        )
    if target_number == str(champion.version):
        raise CommandError(f"version {target_number} of {name} is the champion already")
    target = registry.find_version(name, target_number)
    if FORGOTTEN_TAG in target.tags:
        sources = ", ".join(json.loads(target.tags[FORGOTTEN_TAG]))
        raise CommandError(
            f"version {target_number} of {name} contains forgotten documents ({sources}), so it is not served again; "
            "name another version, from python -m training history"
        )
    if damage := find_damage(_version_uri(target)):
        raise CommandError(
            f"version {target_number} of {name} is damaged ({damage}), so it is not served again; name another "
            "version, from python -m training history"
        )
    registry.set_champion(name, target_number)
    registry.tag_version(
        name, str(champion.version), {ROLLED_BACK_TAG: f"{registry.current_time()} by {registry.current_user()}"}
    )
    return str(champion.version), target_number


def _compare(uri: str, against: str, evidence: Evidence, progress: Progress, experiment: str) -> Verdict:
    """Return the verdict over the examples of both versions, and log the challenger's to the active MLflow run."""
    # the import takes a second, and not every promotion needs it
    from ..evaluation.mlflow_run import add_marks, record_run, summarize, trace_environment

    environment = trace_environment(experiment, evidence.name) if evidence.judge else {"MULTICHAIN_TRACES": "0"}
    uris = [compared_uri for compared_uri in (uri, against) if compared_uri]
    with ExitStack() as stack:
        with ThreadPoolExecutor() as pool:  # each version takes seconds to load
            versions = [
                *pool.map(lambda compared_uri: stack.enter_context(open_version(compared_uri, environment)), uris)
            ]
        evaluated = ask_versions(versions, evidence.examples, progress)
        if evidence.judge:
            evaluated = [
                add_marks(rows, version, evidence.judge) for rows, version in zip(evaluated, versions, strict=True)
            ]
    record_run(summarize(evaluated[0]), evaluated[0], versions[0].model_id)
    return decide_verdict(
        _metric_values(evaluated[0]), _metric_values(evaluated[1]) if against else None, versions[0].floors
    )


def _metric_values(evaluated: Sequence[EvaluatedExample]) -> list[MetricValues]:
    return [row.metrics for row in evaluated]


def _version_uri(version: ModelVersion) -> str:
    return f"models:/{version.name}/{version.version}"
