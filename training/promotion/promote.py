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
from ..evaluation.metrics import Values
from ..evaluation.runner import Row, rows
from ..progress import Progress
from ..versions import registry
from ..versions.process import opened
from ..versions.registry import ALIAS, AT, BY, DECISION, FORGOTTEN, REASON, REPLACED, ROLLED_BACK
from .gate import Verdict, judge


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


def decide(challenger: ModelVersion, to: str, evidence: Evidence | None, progress: Progress) -> Decision:
    """The verdict on a version against the champion of ``to``, that champion's number, and the run that holds it all.

    Without evidence nothing is compared: that the version keeps its contract was verified before. Raises CommandError.
    """
    served = registry.champion(to)
    against = _uri(served) if served and _uri(served) != _uri(challenger) else ""
    number = str(served.version) if served and against else ""
    if evidence is None:
        return Decision(Verdict(True, ("it keeps its contract and answers; no row was compared",)), number)
    tags = {"evaluation": evidence.name, "version": _uri(challenger), "against": against}
    with mlflow.start_run(run_name=f"gate of {_uri(challenger)}", tags=tags) as run:
        verdict = _compared(_uri(challenger), against, evidence, progress, run.info.experiment_id)
        mlflow.set_tags({DECISION: "promoted" if verdict.promoted else "refused"})
        mlflow.log_text("\n".join([*verdict.reasons, *(one.told for one in verdict.comparisons)]), "verdict.txt")
        return Decision(verdict, number, str(run.info.run_id))


def promote(challenger: ModelVersion, decision: Decision, to: str, force: str = "") -> str:
    """Moves the alias of ``to`` if the verdict is for it or ``force`` says why; tags what was decided.

    Gives the version that is served now; empty when it was refused.
    """
    verdict, served, run = decision.verdict, decision.champion, decision.run
    outcome = "promoted" if verdict.promoted else "forced" if force else "refused"
    told = {DECISION: outcome, REASON: force if outcome == "forced" else "; ".join(verdict.reasons)}
    told |= {BY: registry.user(), AT: registry.now()} | ({"gate_champion": served} if served else {})
    told |= {"gate_run": run, registry.EVALUATED: run} if run else {}
    if outcome == "refused":
        registry.tag(challenger.name, str(challenger.version), told)
        return ""
    number = str(challenger.version) if to == challenger.name else registry.copy(challenger, to)
    registry.tag(to, number, told | ({REPLACED: served} if served and served != number else {}))
    registry.point(to, number)
    return number


def rollback(name: str, number: str = "") -> tuple[str, str]:
    """Points the alias at the champion before, or at ``number``; gives the version left and the one served now.

    Nothing is built. Raises CommandError when there is none, or it holds a forgotten document.
    """
    served = registry.champion(name)
    if served is None:
        raise CommandError(f"{name} has no version with the alias {ALIAS}; python -m training history lists versions")
    before = number or served.tags.get(REPLACED, "")
    if not before:
        raise CommandError(f"version {served.version} of {name} replaced none, so there is none to go back to")
    if before == str(served.version):
        raise CommandError(f"version {before} of {name} is served already")
    target = registry.find(name, before)
    if FORGOTTEN in target.tags:
        held = ", ".join(json.loads(target.tags[FORGOTTEN]))
        raise CommandError(
            f"version {before} of {name} holds what was to be forgotten ({held}), so it is not served again; "
            "python -m training history lists versions, and rollback takes the number of another"
        )
    registry.point(name, before)
    registry.tag(name, str(served.version), {ROLLED_BACK: f"{registry.now()} by {registry.user()}"})
    return str(served.version), before


def _compared(uri: str, against: str, evidence: Evidence, progress: Progress, experiment: str) -> Verdict:
    """The verdict on the rows of both; what was asked goes into the run that is active."""
    from ..evaluation.mlflow_run import marked, record, summary, traced  # a second, which not every promotion needs

    environment = traced(experiment, evidence.name) if evidence.judge else {"MULTICHAIN_TRACES": "0"}
    uris = [one for one in (uri, against) if one]
    with ExitStack() as stack:
        with ThreadPoolExecutor() as pool:  # each takes seconds to load
            versions = [*pool.map(lambda one: stack.enter_context(opened(one, environment)), uris)]
        told = rows(versions, evidence.examples, progress)
        if evidence.judge:
            told = [marked(one, version, evidence.judge) for one, version in zip(told, versions, strict=True)]
    record(summary(told[0]), told[0], versions[0].model_id)
    return judge(_values(told[0]), _values(told[1]) if against else None, versions[0].floors)


def _values(told: Sequence[Row]) -> list[Values]:
    return [row.values for row in told]


def _uri(version: ModelVersion) -> str:
    return f"models:/{version.name}/{version.version}"
