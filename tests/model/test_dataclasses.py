"""Values cannot be changed: a dataclass is frozen unless it collects something while it is used."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import model
import training

COLLECTING = {
    "model.contract.requests.Request",
    "model.diagram.from_text.statements._Group",
    "model.diagram.graph.DiagramGraph",
    "model.providers.server_facts.ModelLimits",
    "model.runtime.coalescing._Batch",
    "model.runtime.coalescing._SharedCall",
    "model.runtime.spans.Span",
    "model.runtime.spans.Trace",
    "model.runtime.spans._Recording",
    "model.runtime.usage.Account",
    "training.documents.load.LoadResult",
    "training.documents.loaders.base.SourceFile",
    "training.documents.locations.FoundLocations",
    "training.evaluation.dataset.EvaluationDataset",
    "training.evaluation.human_feedback.HumanFeedback",
    "training.step_results.StepTimer",
    "training.verification.preflight.PreflightReport",
    "training.versions.process.VersionProcess",
    "training.workflow.PromotionOptions",
}
"""Classes that change while they are used."""
OLD_IMPORT_PATHS = {"model.events", "model.field", "training.log"}


def list_changeable_dataclasses() -> Iterator[str]:
    for package in (model, training):
        for entry in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if entry.name.endswith("__main__") or entry.name in OLD_IMPORT_PATHS:
                continue
            module = importlib.import_module(entry.name)
            for name, value in vars(module).items():
                is_own = inspect.isclass(value) and value.__module__ == entry.name and dataclasses.is_dataclass(value)
                if is_own and not value.__dataclass_params__.frozen:
                    yield f"{entry.name}.{name}"


def test_dataclass_is_frozen_unless_it_collects() -> None:
    assert set(list_changeable_dataclasses()) == COLLECTING
