"""Which version is served: the gate that a challenger passes, and the way back.

The history is in tags of the versions: what each replaced, when, by whom, and what was decided on.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import mlflow
from mlflow.entities.model_registry import ModelVersion

from model.errors import CommandError

from ..evaluation.dataset import Example
from ..evaluation.metrics import MetricValues
from ..evaluation.runner import EvaluatedExample, ask_versions
from ..progress import Progress
from ..versions import registry
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
    """What a promotion is decided on: the rows to ask, by what name, and the judge that marks them, if any."""

    name: str
    examples: Sequence[Example]
    judge: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, the champion that was compared with, and the run that holds it all; empty when there is none."""

    verdict: Verdict
    champion: str = ""
    run: str = ""


def decide_promotion(challenger: ModelVersion, to: str, evidence: Evidence | None, progress: Progress) -> Decision:
    """The verdict on a version against the champion of ``to``, that champion's number, and the run that holds it all.

    Without evidence nothing is compared: that the version keeps its contract was verified before. Raises CommandError.
    """
    champion = registry.find_champion(to)
    against = _version_uri(champion) if champion and _version_uri(champion) != _version_uri(challenger) else ""
    number = str(champion.version) if champion and against else ""
    if evidence is None:
        return Decision(Verdict(True, ("it keeps its contract and answers; no row was compared",)), number)
    tags = {"evaluation": evidence.name, "version": _version_uri(challenger), "against": against}
    with mlflow.start_run(run_name=f"gate of {_version_uri(challenger)}", tags=tags) as run:
        verdict = _compare(_version_uri(challenger), against, evidence, progress, run.info.experiment_id)
        mlflow.set_tags({DECISION_TAG: "promoted" if verdict.is_promoted else "refused"})
        mlflow.log_text(
            "\n".join([*verdict.reasons, *(comparison.as_line for comparison in verdict.comparisons)]), "verdict.txt"
        )
        return Decision(verdict, number, str(run.info.run_id))


def promote_version(challenger: ModelVersion, decision: Decision, to: str, reason: str = "") -> str:
    """Moves the alias of ``to`` if the verdict is for it or ``force`` says why; tags what was decided.

    Gives the version that is served now; empty when it was refused.
    """
    verdict, champion, run = decision.verdict, decision.champion, decision.run
    outcome = "promoted" if verdict.is_promoted else "forced" if reason else "refused"
    tags = {DECISION_TAG: outcome, REASON_TAG: reason if outcome == "forced" else "; ".join(verdict.reasons)}
    tags |= {USER_TAG: registry.current_user(), TIME_TAG: registry.current_time()} | (
        {"gate_champion": champion} if champion else {}
    )
    tags |= {"gate_run": run, registry.EVALUATION_TAG: run} if run else {}
    if outcome == "refused":
        registry.tag_version(challenger.name, str(challenger.version), tags)
        return ""
    number = str(challenger.version) if to == challenger.name else registry.copy_version(challenger, to)
    registry.tag_version(to, number, tags | ({REPLACED_TAG: champion} if champion and champion != number else {}))
    registry.set_champion(to, number)
    return number


def roll_back(name: str, number: str = "") -> tuple[str, str]:
    """Points the alias at the champion before, or at ``number``; gives the version left and the one served now.

    Nothing is built. Raises CommandError when there is none, or it holds a forgotten document.
    """
    champion = registry.find_champion(name)
    if champion is None:
        raise CommandError(
            f"{name} has no version with the alias {CHAMPION_ALIAS}; python -m training history lists versions"
        )
    target_number = number or champion.tags.get(REPLACED_TAG, "")
    if not target_number:
        raise CommandError(f"version {champion.version} of {name} replaced none, so there is none to go back to")
    if target_number == str(champion.version):
        raise CommandError(f"version {target_number} of {name} is served already")
    target = registry.find_version(name, target_number)
    if FORGOTTEN_TAG in target.tags:
        sources = ", ".join(json.loads(target.tags[FORGOTTEN_TAG]))
        raise CommandError(
            f"version {target_number} of {name} holds what was to be forgotten ({sources}), so it is not served again; "
            "python -m training history lists versions, and rollback takes the number of another"
        )
    registry.set_champion(name, target_number)
    registry.tag_version(
        name, str(champion.version), {ROLLED_BACK_TAG: f"{registry.current_time()} by {registry.current_user()}"}
    )
    return str(champion.version), target_number


def _compare(uri: str, against: str, evidence: Evidence, progress: Progress, experiment: str) -> Verdict:
    """The verdict on the rows of both; what was asked goes into the run that is active."""
    from ..evaluation.mlflow_run import (
        add_marks,
        record_run,
        summarize,
        trace_environment,
    )  # a second, which not every promotion needs

    environment = trace_environment(experiment, evidence.name) if evidence.judge else {"MULTICHAIN_TRACES": "0"}
    uris = [item for item in (uri, against) if item]
    with ExitStack() as stack:
        with ThreadPoolExecutor() as pool:  # each takes seconds to load
            versions = [*pool.map(lambda item: stack.enter_context(open_version(item, environment)), uris)]
        evaluated = ask_versions(versions, evidence.examples, progress)
        if evidence.judge:
            evaluated = [
                add_marks(item, version, evidence.judge) for item, version in zip(evaluated, versions, strict=True)
            ]
    record_run(summarize(evaluated[0]), evaluated[0], versions[0].model_id)
    return decide_verdict(
        _metric_values(evaluated[0]), _metric_values(evaluated[1]) if against else None, versions[0].floors
    )


def _metric_values(evaluated: Sequence[EvaluatedExample]) -> list[MetricValues]:
    return [row.metrics for row in evaluated]


def _version_uri(version: ModelVersion) -> str:
    return f"models:/{version.name}/{version.version}"
