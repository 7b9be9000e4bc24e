"""Each version is listed with its index, decision, metrics, ends of models and forgotten documents."""

import json
import re

import mlflow
import pytest
from mlflow import MlflowClient

from model.errors import CommandError
from training.versions import registry
from training.versions.history import list_history

DECISION = {
    "gate_decision": "promoted",
    "gate_at": "2026-05-01T10:00:00+00:00",
    "gate_by": "anna",
    "gate_reason": "better",
}
SIZE = {"documents": "1234", "chunks": "12345", "index_bytes": "1250000"}
UNKNOWN_SIZE = "Version 1, index of unknown size"


@pytest.fixture
def name(store: object, request: pytest.FixtureRequest) -> str:
    """Return the name of the test's registered model, which has no version yet."""
    model_name = re.sub(r"\W+", "-", request.node.name)
    MlflowClient().create_registered_model(model_name)
    return model_name


def add_version(name: str, **tags: str) -> str:
    """Add a version without files; return its number."""
    return str(MlflowClient().create_model_version(name, "https://example.org/model", tags=tags).version)


def record_metrics(**metrics: float) -> str:
    """Record a run with metrics; return its id."""
    with mlflow.start_run() as run:
        mlflow.log_metrics(metrics)
    return str(run.info.run_id)


def test_model_without_versions_is_refused_with_the_registry(name: str) -> None:
    with pytest.raises(CommandError) as refusal:
        list(list_history(name))
    assert str(refusal.value) == (
        f"{name} has no version in {registry.registry_uri()}; python -m training run makes one"
    )


def test_versions_are_listed_newest_first_by_number(name: str) -> None:
    for _ in range(11):
        add_version(name)
    numbers = [line.removeprefix("Version ").partition(",")[0] for line in list_history(name)]
    assert numbers == [str(number) for number in range(11, 0, -1)]


def test_aliases_of_a_version_are_listed_beside_its_number(name: str) -> None:
    for alias in ("champion", "trial"):
        MlflowClient().set_registered_model_alias(name, alias, add_version(name))
    MlflowClient().set_registered_model_alias(name, "best", "2")
    newest, oldest, note = list_history(name)
    assert newest in {f"Version 2 ({aliases}), index of unknown size" for aliases in ("best, trial", "trial, best")}
    assert oldest == "Version 1 (champion), index of unknown size"
    assert note.startswith("  served without a noted decision: ")


@pytest.mark.parametrize(
    ("tags", "size"),
    [
        (SIZE, "1,234 documents, 12,345 chunks, 1.2 MB"),
        (SIZE | {"index_bytes": "49999"}, "1,234 documents, 12,345 chunks, 0.0 MB"),
        (SIZE | {"index_elsewhere": "c.s.i, 3 rows"}, "c.s.i, 3 rows"),
        ({name: SIZE[name] for name in ("documents", "chunks")}, "unknown size"),
        ({}, "unknown size"),
    ],
)
def test_size_of_the_index_is_read_from_tags(tags: dict[str, str], size: str, name: str) -> None:
    add_version(name, **tags)
    assert list(list_history(name)) == [f"Version 1, index of {size}"]


@pytest.mark.parametrize(
    ("tags", "line"),
    [
        ({}, "  promoted on 2026-05-01T10:00:00+00:00 by anna: better"),
        ({"replaced": "7"}, "  promoted, in place of 7 on 2026-05-01T10:00:00+00:00 by anna: better"),
    ],
)
def test_decision_names_time_user_reason_and_earlier_version(tags: dict[str, str], line: str, name: str) -> None:
    add_version(name, **DECISION, **tags)
    assert list(list_history(name)) == [UNKNOWN_SIZE, line]


def test_metrics_are_listed_in_a_fixed_order_to_four_digits(name: str) -> None:
    run = record_metrics(cost=0.000123456, seconds=1.25, recall=1.0, answered=0.66666, unlisted=5, error=0)
    add_version(name, evaluation_run=run)
    assert list(list_history(name)) == [
        UNKNOWN_SIZE,
        "  measured: recall 1, answered 0.6667, error 0, seconds 1.25, cost 0.0001235",
    ]


def test_run_without_listed_metrics_gives_no_line(name: str) -> None:
    add_version(name, evaluation_run=record_metrics(unlisted=5))
    assert list(list_history(name)) == [UNKNOWN_SIZE]


def test_run_that_no_longer_exists_is_reported(name: str) -> None:
    add_version(name, evaluation_run="0" * 32)
    assert list(list_history(name)) == [UNKNOWN_SIZE, "  measured: the run of the evaluation no longer exists"]


def test_models_are_listed_by_the_day_on_which_they_end(name: str) -> None:
    ends = {"late": "2027-12-01", "early": "2026-12-31", "middle": "2027-01-14"}
    add_version(name, model_ends=json.dumps(ends))
    assert list(list_history(name)) == [
        UNKNOWN_SIZE,
        "  models end: early 2026-12-31, middle 2027-01-14, late 2027-12-01",
    ]


def test_lines_of_a_version_have_a_fixed_order(name: str) -> None:
    add_version(
        name,
        forgotten='["a.txt", "b.txt"]',
        model_ends='{"m": "2027-01-14"}',
        evaluation_run=record_metrics(refused=0.5),
        rolled_back="2026-05-02 by bert",
        **DECISION,
    )
    assert list(list_history(name)) == [
        UNKNOWN_SIZE,
        "  promoted on 2026-05-01T10:00:00+00:00 by anna: better",
        "  rolled back on 2026-05-02 by bert",
        "  measured: refused 0.5",
        "  models end: m 2027-01-14",
        "  contains forgotten documents: a.txt, b.txt",
    ]
